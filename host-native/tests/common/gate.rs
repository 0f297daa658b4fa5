//! A gate in front of a server. Everything passes until the gate is closed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

#[derive(Clone)]
pub struct Gate {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How many more connections it refuses before it opens by itself; 0 means open.
    to_refuse: u32,
    refused: u32,
    open: Vec<TcpStream>,
}

impl Gate {
    /// A gate with its own address in front of the server at `endpoint`. It runs as long as the
    /// process.
    pub fn before(endpoint: &str) -> Self {
        let server: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let gate = Gate { address: listener.local_addr().unwrap(), state: Arc::default() };
        let served = gate.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let gate = served.clone();
                thread::spawn(move || gate.serve(client, server));
            }
        });
        gate
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts open connections and refuses this many new ones; then everything passes again. So it
    /// stays closed for that many tries of the client, however slow the machine is.
    pub fn close_until_refused(&self, connections: u32) {
        let mut state = self.state();
        state.to_refuse = connections;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts open connections, and refuses all new ones.
    pub fn close(&self) {
        self.close_until_refused(u32::MAX);
    }

    /// How many connections were refused.
    pub fn refused(&self) -> u32 {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: TcpStream, server: SocketAddr) {
        let server = {
            let mut state = self.state();
            if state.to_refuse > 0 {
                state.to_refuse -= 1;
                state.refused += 1;
                return;
            }
            let Ok(server) = TcpStream::connect(server) else { return };
            state.open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
            server
        };
        let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || pass(back_from, back_to));
        pass(client, server);
    }
}

/// Copies until one side ends; then ends the other.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
