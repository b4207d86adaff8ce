// SPDX-License-Identifier: MIT
//! A shared value that knows which type it has. `dyn Any` would ask it by a call through its table, which
//! each call of the library makes.

use std::any::{Any, TypeId};
use std::ptr::NonNull;
use std::rc::Rc;

/// A shared value of some type.
pub struct Typed {
    id: TypeId,
    value: NonNull<()>,
    _owner: Rc<dyn Any>,
}

impl Typed {
    /// Keeps the value alive from now on.
    pub fn new<T: Any>(value: Rc<T>) -> Self {
        Typed {
            id: TypeId::of::<T>(),
            value: NonNull::from(&*value).cast(),
            _owner: value,
        }
    }

    /// The value, if it is a `T`.
    #[inline]
    pub fn get<T: Any>(&self) -> Option<&T> {
        // SAFETY: `new` took the address from an Rc of this very type, as the TypeId tells, and the owner
        // keeps the value where it is for as long as `self` lives.
        (self.id == TypeId::of::<T>()).then(|| unsafe { self.value.cast().as_ref() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_given_as_its_own_type_only() {
        let typed = Typed::new(Rc::new(7_u32));
        assert_eq!(typed.get(), Some(&7_u32));
        assert_eq!(typed.get::<i32>(), None);
    }
}
