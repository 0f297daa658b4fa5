//! A proxy before an S3 server that fails as networks and stores do: by rule, or by seeded chance.

mod http;

use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::prng::SplitMix64;
pub use http::Asked;
use http::{Answered, Pace};

/// How long a port that was let go may be held by another program.
const REBIND_TIME_MAX: Duration = super::HANG;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The request waits before it is passed on.
    Delay(Duration),
    /// The request waits until the proxy has done so much else, whatever time that takes.
    Hold { until: fn(&Counts) -> bool },
    /// No more than this many bytes a second pass in each direction.
    Throttle { bytes_per_s: u64 },
    /// This many bytes of the request's body are passed on, then both sides are hung up on.
    CutRequest { after: u64 },
    /// This many bytes of the answer's body are passed on, then both sides are hung up on.
    CutAnswer { after: u64 },
    /// The server does what was asked, and its answer is never heard.
    LoseAnswer,
    /// Nothing is said for so long, then the client is hung up on; the server never hears of it.
    Silence(Duration),
    /// So much of the request reaches the server; then the client hears nothing more, until it
    /// hangs up itself. A test that kills a process at one request knows so what was done.
    Stall(Reach),
    /// The proxy answers in the server's place.
    Answer { status: u16, code: &'static str, retry_after_s: Option<u32> },
}

/// How much of a request that is stalled reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// Its head and half of its body.
    Half,
    /// All of it, and the server has done what was asked.
    Whole,
}

impl Fault {
    /// What Amazon's S3 says to who asks too much.
    pub fn slow_down(retry_after_s: Option<u32>) -> Self {
        Fault::Answer { status: 503, code: "SlowDown", retry_after_s }
    }

    pub fn internal_error() -> Self {
        Fault::Answer { status: 500, code: "InternalError", retry_after_s: None }
    }
}

/// A fault, and the requests it befalls: all of them, where nothing more is said.
pub struct Rule {
    fault: Fault,
    befalls: Box<dyn Fn(&Asked) -> bool + Send>,
    to_pass: u64,
    times_left: u32,
    per_cent: u64,
}

impl Rule {
    pub fn new(fault: Fault) -> Self {
        let befalls = Box::new(|_: &Asked| true);
        Rule { fault, befalls, to_pass: 0, times_left: u32::MAX, per_cent: 100 }
    }

    /// Only the requests that this is true of.
    pub fn on(mut self, befalls: impl Fn(&Asked) -> bool + Send + 'static) -> Self {
        self.befalls = Box::new(befalls);
        self
    }

    /// Only once so many such requests have passed.
    pub fn after(mut self, requests: u64) -> Self {
        self.to_pass = requests;
        self
    }

    /// Only so often, then never again.
    pub fn times(mut self, times: u32) -> Self {
        self.times_left = times;
        self
    }

    /// So many in a hundred, by the proxy's own seed.
    pub fn chance(mut self, per_cent: u64) -> Self {
        self.per_cent = per_cent;
        self
    }

    /// The rule itself, where it befalls this request.
    fn takes(&mut self, asked: &Asked, random: &mut SplitMix64) -> Option<&mut Self> {
        if self.times_left == 0 || !(self.befalls)(asked) {
            return None;
        }
        if self.to_pass > 0 {
            self.to_pass -= 1;
            return None;
        }
        (self.per_cent >= 100 || random.below(100) < self.per_cent).then_some(self)
    }
}

/// What a proxy did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that came, whatever became of them.
    pub requests: u64,
    pub delayed: u64,
    pub throttled: u64,
    /// Requests and answers that were cut.
    pub cut: u64,
    pub lost: u64,
    pub silent: u64,
    /// Requests that are stalled: what was to reach the server has reached it.
    pub stalled: u64,
    /// Requests that the proxy answered itself.
    pub answered: u64,
    /// The most requests that were under way at once.
    pub at_once_max: u64,
    /// Bytes of bodies that went to the server.
    pub bytes_up: u64,
    pub went_away: u64,
}

impl Counts {
    /// Requests that something befell.
    pub fn faults(&self) -> u64 {
        self.delayed
            + self.throttled
            + self.cut
            + self.lost
            + self.silent
            + self.stalled
            + self.answered
    }
}

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
        let rule = state.rules.iter_mut().find_map(|rule| rule.takes(asked, random))?;
        rule.times_left -= 1;
        let counts = &mut state.counts;
        *match &rule.fault {
            Fault::Delay(_) | Fault::Hold { .. } => &mut counts.delayed,
            Fault::Throttle { .. } => &mut counts.throttled,
            Fault::CutRequest { .. } | Fault::CutAnswer { .. } => &mut counts.cut,
            Fault::LoseAnswer => &mut counts.lost,
            Fault::Silence(_) => &mut counts.silent,
            // Counted once it has come so far.
            Fault::Stall(_) => return Some(rule.fault.clone()),
            Fault::Answer { .. } => &mut counts.answered,
        } += 1;
        Some(rule.fault.clone())
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
        let mut heard = true;
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
            Some(Fault::Stall(reach)) => {
                self.stall(asked, reach, client, server)?;
                return Ok(false);
            }
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
        if up_max < u64::MAX {
            return Ok(false);
        }
        if !heard {
            // Once it begins to answer, what was asked is done.
            http::wait_for_answer(server)?;
            return Ok(false);
        }
        let answered = http::pass_answer(asked, server, client.get_mut(), down_max, &mut pace)?;
        Ok(answered == Answered::Whole)
    }

    /// Returns once the client has hung up.
    fn stall(
        &self,
        asked: &Asked,
        reach: Reach,
        client: &mut BufReader<&TcpStream>,
        server: &mut BufReader<&TcpStream>,
    ) -> io::Result<()> {
        let up_max = match reach {
            Reach::Nothing => None,
            Reach::Half => Some(asked.body_bytes / 2),
            Reach::Whole => Some(asked.body_bytes),
        };
        if let Some(most) = up_max {
            let pace = &mut Pace::unbounded();
            let sent = http::pass_request(asked, client, server.get_mut(), most, pace)?;
            self.state().counts.bytes_up += sent;
        }
        if reach == Reach::Whole {
            http::wait_for_answer(server)?;
        }
        self.state().counts.stalled += 1;
        self.changed.notify_all();
        io::copy(client, &mut io::sink())?;
        Ok(())
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
