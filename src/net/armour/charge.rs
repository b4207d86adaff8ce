// SPDX-License-Identifier: MIT
//! Memory that is not a buffer's, counted for its owner.

use super::account::Account;
use std::cell::Cell;

/// Memory that is not a buffer's, of one owner.
pub struct Charge {
    account: Account,
    bytes: Cell<usize>,
}

impl Charge {
    /// So many bytes, until it is dropped.
    pub fn new(account: &Account, bytes: usize) -> Self {
        account.add(bytes);
        Charge {
            account: account.clone(),
            bytes: Cell::new(bytes),
        }
    }

    /// How many there are.
    pub fn get(&self) -> usize {
        self.bytes.get()
    }

    /// So many bytes from now on.
    pub fn set(&self, bytes: usize) {
        let before = self.bytes.replace(bytes);
        if bytes > before {
            self.account.add(bytes - before);
        } else {
            self.account.take_away(before - bytes);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.take_away(self.bytes.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_by_its_owner_s_end() {
        let account = Account::new(8000);
        let charge = Charge::new(&account, 100);
        charge.set(300);
        charge.set(200);
        assert_eq!(account.used(), 200);
        drop(charge);
        assert_eq!(account.used(), 0);
    }
}
