// SPDX-License-Identifier: MIT
//! A peer: tokio, a task for each connection, on the runtime of one OS thread.

use servers::Mode;
use std::io::Result;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Notify};

async fn lines(client: TcpStream) -> Result<()> {
    let (read, write) = client.into_split();
    let (mut reader, mut writer) = (BufReader::new(read), BufWriter::new(write));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
        // More lines are there already: their replies go out with this one.
        if !reader.buffer().contains(&b'\n') {
            writer.flush().await?;
        }
    }
    Ok(())
}

async fn bulk(mut client: TcpStream) -> Result<()> {
    let mut bytes = vec![0; 65_536];
    loop {
        let n = client.read(&mut bytes).await?;
        if n == 0 {
            return Ok(());
        }
        client.write_all(&bytes[..n]).await?;
    }
}

async fn serve(mode: Mode) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    servers::print_port(listener.local_addr()?);
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        if mode == Mode::Lines {
            tokio::spawn(lines(client));
        } else {
            tokio::spawn(bulk(client));
        }
    }
}

async fn park(count: usize) -> Result<()> {
    let (ready, never) = (Arc::new(Barrier::new(2)), Arc::new(Notify::new()));
    for number in 0..count {
        let (ready, never) = (ready.clone(), never.clone());
        tokio::spawn(async move {
            let parked = never.notified();
            // Tasks run in their order: the last one says that all have run.
            if number + 1 == count {
                ready.wait().await;
            }
            parked.await;
        });
    }
    ready.wait().await;
    servers::parked(count)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match servers::mode() {
        Mode::Parked(count) => park(count).await,
        mode => serve(mode).await,
    }
}
