//! A gate before a server: everything passes, until it is closed for a while.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone)]
pub struct Gate {
    address: SocketAddr,
    closed_until: Arc<Mutex<Instant>>,
    refused: Arc<AtomicU32>,
}

impl Gate {
    /// A gate of its own address before the server at `endpoint`. It lives as long as the process.
    pub fn before(endpoint: &str) -> Self {
        let server: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let gate = Gate {
            address: listener.local_addr().unwrap(),
            closed_until: Arc::new(Mutex::new(Instant::now())),
            refused: Arc::default(),
        };
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

    /// From now on nothing passes, neither on new connections nor on old ones.
    pub fn close_for(&self, time: Duration) {
        *self.closed_until.lock().unwrap() = Instant::now() + time;
    }

    /// How many connections were refused or cut.
    pub fn refused(&self) -> u32 {
        self.refused.load(Ordering::SeqCst)
    }

    fn is_closed(&self) -> bool {
        Instant::now() < *self.closed_until.lock().unwrap()
    }

    fn serve(&self, client: TcpStream, server: SocketAddr) {
        if self.is_closed() {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let Ok(server) = TcpStream::connect(server) else { return };
        let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let gate = self.clone();
        thread::spawn(move || gate.pass(back_from, back_to));
        self.pass(client, server);
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        // Looks at the gate even where nothing moves.
        from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if self.is_closed() {
                self.refused.fetch_add(1, Ordering::SeqCst);
                break;
            }
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if to.write_all(&buffer[..n]).is_ok() => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Ok(_) | Err(_) => break,
            }
        }
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}
