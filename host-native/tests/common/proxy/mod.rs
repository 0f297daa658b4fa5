//! A proxy before an S3 server that fails as networks and stores do: by rule, or by seeded chance.

mod http;
mod rules;

use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::prng::SplitMix64;
pub use http::Asked;
use http::{Answered, Pace};
pub use rules::{Counts, Fault, Reach, Rule};

/// How long a port that was let go may be held by another program.
const REBIND_TIME_MAX: Duration = super::HANG;

/// A proxy at an address of its own; stopped when dropped.
pub struct FaultProxy(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    rules: Vec<Rule>,
    random: SplitMix64,
    counts: Counts,
    under_way: u64,
    open: Vec<TcpStream>,
    away: bool,
    stopped: bool,
    listening: bool,
}

impl FaultProxy {
    /// A proxy that passes everything on to the server at `endpoint`, until it is told of rules.
    pub fn before(endpoint: &str, seed: u64) -> Self {
        let server = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = bind_below_outgoing_ports(seed);
        let inner = Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            server,
            changed: Condvar::new(),
            state: Mutex::new(State {
                rules: Vec::new(),
                random: SplitMix64::new(seed),
                counts: Counts::default(),
                under_way: 0,
                open: Vec::new(),
                away: false,
                stopped: false,
                listening: true,
            }),
        });
        let accepting = Arc::clone(&inner);
        thread::spawn(move || accepting.accept(listener));
        FaultProxy(inner)
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// From now on these rules hold and no others; the first one that befalls a request is it.
    pub fn follow(&self, rules: impl IntoIterator<Item = Rule>) {
        self.0.state().rules = rules.into_iter().collect();
    }

    /// Hangs up on everybody; connections are refused, as where no server is.
    pub fn go_away(&self) {
        let mut state = self.0.state();
        state.away = true;
        state.counts.went_away += 1;
        hang_up(&mut state);
        drop(state);
        self.0.changed.notify_all();
        self.0.wake();
        self.0.wait_until(|state| !state.listening);
    }

    /// Is there again, at the same address.
    pub fn come_back(&self) {
        self.0.state().away = false;
        self.0.changed.notify_all();
        self.0.wait_until(|state| state.listening);
    }

    pub fn counts(&self) -> Counts {
        self.0.state().counts.clone()
    }

    /// Waits until it has come to that.
    pub fn wait_until(&self, is_so: impl Fn(&Counts) -> bool) {
        self.0.wait_until(|state| is_so(&state.counts));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.stopped = true;
        hang_up(&mut state);
        drop(state);
        self.0.changed.notify_all();
        self.0.wake();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        let limit = REBIND_TIME_MAX + Duration::from_secs(60);
        let (state, waited) =
            self.changed.wait_timeout_while(self.state(), limit, |state| !is_so(state)).unwrap();
        drop(state);
        assert!(!waited.timed_out(), "the proxy waited for what did not come about");
    }

    /// The thread that accepts looks at the state again.
    fn wake(&self) {
        let _ = TcpStream::connect(self.address);
    }

    fn accept(self: Arc<Self>, first: TcpListener) {
        let mut listener = Some(first);
        loop {
            if let Some(listener) = listener.take() {
                self.set_listening(true);
                for client in listener.incoming().flatten() {
                    let mut state = self.state();
                    if state.away || state.stopped {
                        break;
                    }
                    state.open.extend(client.try_clone());
                    drop(state);
                    let serving = Arc::clone(&self);
                    thread::spawn(move || {
                        // However it ends, both sides are let go.
                        let _ = serving.serve(&client);
                        let _ = client.shutdown(Shutdown::Both);
                    });
                }
            }
            self.set_listening(false);
            let state = self.state();
            let state = self.changed.wait_while(state, |s| s.away && !s.stopped).unwrap();
            if state.stopped {
                return;
            }
            drop(state);
            listener = Some(rebind(self.address));
        }
    }

    fn set_listening(&self, listening: bool) {
        self.state().listening = listening;
        self.changed.notify_all();
    }

    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let mut from_client = BufReader::new(client);
        let server = TcpStream::connect(self.server)?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        self.state().open.extend(server.try_clone());
        let mut from_server = BufReader::new(&server);
        let served = (|| {
            while let Some(asked) = http::read_request(&mut from_client)? {
                let fault = self.fault_of(&asked);
                self.changed.notify_all();
                let passed = self.pass(&asked, fault, &mut from_client, &mut from_server);
                self.state().under_way -= 1;
                if !passed? {
                    break;
                }
            }
            Ok(())
        })();
        let _ = server.shutdown(Shutdown::Both);
        served
    }

    /// Counts the request in, and says what befalls it.
    fn fault_of(&self, asked: &Asked) -> Option<Fault> {
        let mut state = self.state();
        let state = &mut *state;
        state.counts.requests += 1;
        state.under_way += 1;
        state.counts.at_once_max = state.counts.at_once_max.max(state.under_way);
        let random = &mut state.random;
        let fault = state.rules.iter_mut().find_map(|rule| rule.take(asked, random))?;
        state.counts.note(&fault);
        Some(fault)
    }

    /// Whether the connection can take another request.
    fn pass(
        &self,
        asked: &Asked,
        fault: Option<Fault>,
        client: &mut BufReader<&TcpStream>,
        server: &mut BufReader<&TcpStream>,
    ) -> io::Result<bool> {
        let mut pace = Pace::unbounded();
        let (mut up_max, mut down_max) = (u64::MAX, u64::MAX);
        let (mut heard, mut stalls) = (true, false);
        match fault {
            Some(Fault::Answer { status, code, retry_after_s }) => {
                // A server that reads what it refuses: the client hears the answer, not a reset.
                http::skip(client, asked.body_bytes)?;
                http::answer(client.get_mut(), asked, status, code, retry_after_s)?;
                return Ok(!asked.closes());
            }
            Some(Fault::Silence(time)) => {
                thread::sleep(time);
                return Ok(false);
            }
            Some(Fault::Stall(Reach::Nothing)) => return self.stall(client),
            Some(Fault::Stall(Reach::Half)) => (up_max, stalls) = (asked.body_bytes / 2, true),
            Some(Fault::Stall(Reach::Whole)) => (heard, stalls) = (false, true),
            Some(Fault::Delay(time)) => thread::sleep(time),
            Some(Fault::Hold { until }) => {
                self.wait_until(|state| state.stopped || until(&state.counts));
            }
            Some(Fault::Throttle { bytes_per_s }) => pace = Pace::of(bytes_per_s),
            Some(Fault::CutRequest { after }) => up_max = after,
            Some(Fault::CutAnswer { after }) => down_max = after,
            Some(Fault::LoseAnswer) => heard = false,
            None => {}
        }
        let sent = http::pass_request(asked, client, server.get_mut(), up_max, &mut pace)?;
        self.state().counts.bytes_up += sent;
        self.changed.notify_all();
        if !heard {
            // Once it begins to answer, what was asked is done.
            http::wait_for_answer(server)?;
        }
        if stalls {
            return self.stall(client);
        }
        if up_max < u64::MAX || !heard {
            return Ok(false);
        }
        let answered = http::pass_answer(asked, server, client.get_mut(), down_max, &mut pace)?;
        Ok(answered == Answered::Whole)
    }

    /// What was to reach the server has reached it. Returns once the client has hung up.
    fn stall(&self, client: &mut BufReader<&TcpStream>) -> io::Result<bool> {
        self.state().counts.stalled += 1;
        self.changed.notify_all();
        io::copy(client, &mut io::sink())?;
        Ok(false)
    }
}

fn hang_up(state: &mut State) {
    for stream in state.open.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Below the ports that outgoing connections are given, so that none takes this one while we are
/// away; and below those that `seaweed.rs` takes.
fn bind_below_outgoing_ports(seed: u64) -> TcpListener {
    let mut random = SplitMix64::new(seed ^ u64::from(std::process::id()).rotate_left(32));
    (0..1_000)
        .find_map(|_| {
            let port = 5_000 + random.below(6_000) as u16;
            TcpListener::bind(("127.0.0.1", port)).ok()
        })
        .expect("a port that is free")
}

fn rebind(address: SocketAddr) -> TcpListener {
    let started = Instant::now();
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return listener,
            Err(error) => assert!(started.elapsed() < REBIND_TIME_MAX, "{address}: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}
