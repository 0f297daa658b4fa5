//! The fault proxy itself: what it is told to do wrong goes wrong, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::client::{Answer, send_raw};
use crate::common::proxy::{Counts, Fault, FaultProxy, Reach, Rule};
use crate::common::stub::{Reply, Stub};

/// A server that says how much it was sent, and a proxy before it.
fn served() -> (Stub, FaultProxy) {
    let stub = Stub::start(|request| Reply::ok(format!("{} bytes", request.body.len())));
    let proxy = FaultProxy::before(&stub.endpoint, 1);
    (stub, proxy)
}

fn put(proxy: &FaultProxy, body: &[u8]) -> Answer {
    send_raw("PUT", &format!("{}/key", proxy.endpoint()), &[], body)
}

/// What a client hears that does not mind being hung up on.
fn heard(proxy: &FaultProxy, body: &[u8]) -> Vec<u8> {
    let address = proxy.endpoint().strip_prefix("http://").unwrap().to_owned();
    let mut heard = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return heard };
    let head = format!("PUT /key HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    if sent.is_ok() {
        let _ = stream.read_to_end(&mut heard);
    }
    heard
}

#[test]
fn without_rules_everything_passes() {
    let (stub, proxy) = served();
    let body = vec![9; 300_000];
    assert_eq!(put(&proxy, &body).body, "300000 bytes");
    assert!(stub.requests()[0].body == body);
    let counts = Counts { requests: 1, at_once_max: 1, bytes_up: 300_000, ..Counts::default() };
    assert_eq!(proxy.counts(), counts);
}

#[test]
fn answers_of_its_own_leave_the_server_alone_and_end_with_their_times() {
    let (stub, proxy) = served();
    proxy.follow([
        Rule::new(Fault::slow_down(Some(7))).on(|asked| asked.method == "PUT").times(1),
        Rule::new(Fault::internal_error()).times(1),
    ]);
    let refused = put(&proxy, &[1; 100_000]);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("7")));
    assert!(refused.body.contains("<Code>SlowDown</Code>"), "{}", refused.body);
    let refused = put(&proxy, b"x");
    assert_eq!((refused.status, refused.header("retry-after")), (500, None));
    assert_eq!(stub.count("PUT"), 0);
    assert_eq!(put(&proxy, b"abc").body, "3 bytes");
    assert_eq!(proxy.counts().answered, 2);
}

#[test]
fn what_is_cut_arrives_in_part_or_not_at_all() {
    let (stub, proxy) = served();
    proxy.follow([
        Rule::new(Fault::CutRequest { after: 1_000 }).times(1),
        Rule::new(Fault::CutAnswer { after: 3 }).times(1),
        Rule::new(Fault::LoseAnswer).times(1),
    ]);
    assert_eq!(heard(&proxy, &[2; 50_000]), b"");
    assert_eq!(stub.count("PUT"), 0, "a request that was cut is none");
    let heard_part = heard(&proxy, b"abcd");
    assert!(heard_part.ends_with(b"\r\n\r\n4 b"), "{}", String::from_utf8_lossy(&heard_part));
    assert_eq!(heard(&proxy, b"abcde"), b"");
    let sizes: Vec<usize> = stub.requests().iter().map(|request| request.body.len()).collect();
    assert_eq!(sizes, [4, 5], "the server did what it was asked, though nobody heard of it");
    let counts = proxy.counts();
    assert_eq!((counts.cut, counts.lost, counts.faults()), (2, 1, 3));
}

#[test]
fn time_passes_where_it_is_told_to() {
    let (_stub, proxy) = served();
    let took = |rule: Rule, body: &[u8]| {
        proxy.follow([rule]);
        let started = Instant::now();
        (heard(&proxy, body).len(), started.elapsed())
    };
    let (heard, time) = took(Rule::new(Fault::Delay(Duration::from_millis(300))), b"x");
    assert!(heard > 0 && time >= Duration::from_millis(300), "{time:?}");
    let (heard, time) = took(Rule::new(Fault::Throttle { bytes_per_s: 200_000 }), &[0; 100_000]);
    assert!(heard > 0 && time >= Duration::from_millis(450), "{time:?}");
    let (heard, time) = took(Rule::new(Fault::Silence(Duration::from_millis(200))), b"x");
    assert!(heard == 0 && time >= Duration::from_millis(200), "{time:?}");
    let counts = proxy.counts();
    assert_eq!((counts.delayed, counts.throttled, counts.silent), (1, 1, 1));
}

#[test]
fn a_request_is_stalled_once_so_much_of_it_has_passed() {
    let (stub, proxy) = served();
    for (stalled, (reach, done)) in
        [(Reach::Nothing, 1), (Reach::Half, 2), (Reach::Whole, 4)].into_iter().enumerate()
    {
        proxy.follow([Rule::new(Fault::Stall(reach)).after(1).times(1)]);
        assert_eq!(put(&proxy, b"first").status, 200, "one passes before it");
        let address = proxy.endpoint().strip_prefix("http://").unwrap().to_owned();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PUT /key HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody").unwrap();
        proxy.wait_until(|counts| counts.stalled > stalled as u64);
        assert_eq!(stub.requests().len(), done, "{reach:?}");
    }
    assert_eq!(put(&proxy, b"last").status, 200);
    assert_eq!(proxy.counts().faults(), 3);
}

#[test]
fn chance_follows_the_seed() {
    let failures = |seed: u64| {
        let stub = Stub::start(|_| Reply::ok("y"));
        let proxy = FaultProxy::before(&stub.endpoint, seed);
        proxy.follow([Rule::new(Fault::slow_down(None)).chance(30)]);
        (0..100).filter(|_| put(&proxy, b"x").status == 503).collect::<Vec<u32>>()
    };
    let first = failures(5);
    assert!((15..=45).contains(&first.len()), "{first:?}");
    assert_eq!(first, failures(5));
    assert_ne!(first, failures(6));
}

#[test]
fn it_goes_away_in_the_middle_and_comes_back_at_the_same_address() {
    let (_stub, proxy) = served();
    proxy.follow([Rule::new(Fault::Delay(Duration::from_secs(60))).times(1)]);
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| heard(&proxy, b"x"));
        proxy.wait_until(|counts| counts.delayed > 0);
        let started = Instant::now();
        proxy.go_away();
        assert_eq!(under_way.join().unwrap(), b"", "who is under way is hung up on");
        assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
    });
    let address = proxy.endpoint().strip_prefix("http://").unwrap().to_owned();
    let refused = TcpStream::connect(&address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.come_back();
    assert_eq!(put(&proxy, b"abc").body, "3 bytes");
}
