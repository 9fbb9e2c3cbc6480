//! Networks of two or three nodes on loopback.

use super::*;
use bytes::Bytes;
use std::net::TcpListener as StdListener;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A hang becomes a failure after this long.
const HANG: Duration = Duration::from_secs(60);

struct Key {
    pkcs8: Vec<u8>,
    public: [u8; 32],
}

fn key() -> Key {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    Key { pkcs8: pair.serialize_der(), public: pair.public_key_raw().try_into().unwrap() }
}

/// A network on a runtime of its own: dropping it is the death of its process.
struct Node {
    net: Net,
    runtime: Runtime,
}

impl Deref for Node {
    type Target = Net;

    fn deref(&self) -> &Net {
        &self.net
    }
}

/// A committee whose listeners are bound and whose networks are started one by one.
struct Committee {
    keys: Vec<Key>,
    listeners: Vec<Option<StdListener>>,
    members: Vec<Member>,
}

impl Committee {
    fn of(n: usize) -> Committee {
        let keys: Vec<Key> = (0..n).map(|_| key()).collect();
        let bind = |_: &Key| StdListener::bind("127.0.0.1:0").unwrap();
        let listeners: Vec<StdListener> = keys.iter().map(bind).collect();
        let member = |(key, listener): (&Key, &StdListener)| Member {
            tls_key: key.public,
            address: listener.local_addr().unwrap().to_string(),
        };
        let members = keys.iter().zip(&listeners).map(member).collect();
        let listeners = listeners.into_iter().map(Some).collect();
        Committee { keys, listeners, members }
    }

    fn start(&mut self, index: usize) -> (Node, Receiver<Received>) {
        self.start_on(index, Digest([7; 32]))
    }

    fn start_on(&mut self, index: usize, chain: ChainId) -> (Node, Receiver<Received>) {
        let bind_again = || StdListener::bind(&self.members[index].address).unwrap();
        let listener = self.listeners[index].take().unwrap_or_else(bind_again);
        listener.set_nonblocking(true).unwrap();
        let membership =
            Membership { chain, own: Some(NodeIndex(index as u16)), nodes: self.members.clone() };
        let (sender, receiver): (Sender<Received>, _) = channel();
        let inbox: Inbox = Arc::new(move |received| drop(sender.send(received)));
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let key = Zeroizing::new(self.keys[index].pkcs8.clone());
        let listener = TcpListener::from_std(listener).unwrap();
        let net = Net::start(listener, membership, key, inbox).unwrap();
        drop(inside);
        (Node { net, runtime }, receiver)
    }
}

fn call(text: &str) -> PeerMessage {
    PeerMessage::Ingress(Bytes::copy_from_slice(text.as_bytes()))
}

fn status(view: u64) -> PeerMessage {
    PeerMessage::Status(PeerStatus {
        view: View(view),
        entered: View(view),
        finalized: Height(0),
        certified: Height(0),
    })
}

fn check_receives(inbox: &Receiver<Received>, from: u16, message: PeerMessage) {
    let received = inbox.recv_timeout(HANG).expect("a message in time");
    assert_eq!((received.from, received.message), (NodeIndex(from), message));
}

#[test]
fn delivers_to_one_and_to_all_and_names_the_sender() {
    let mut committee = Committee::of(3);
    let (net0, inbox0) = committee.start(0);
    let (net1, inbox1) = committee.start(1);
    let (net2, inbox2) = committee.start(2);
    net0.broadcast(&status(5));
    check_receives(&inbox1, 0, status(5));
    check_receives(&inbox2, 0, status(5));
    net1.send(NodeIndex(0), &call("to zero"));
    check_receives(&inbox0, 1, call("to zero"));
    net2.send(NodeIndex(2), &call("to myself"));
    net2.send(NodeIndex(9), &call("to nobody"));
    net2.send(NodeIndex(0), &call("to zero"));
    check_receives(&inbox0, 2, call("to zero"));
    assert_eq!(net0.connected(), 2);
}

#[test]
fn carries_a_message_of_megabytes() {
    let mut committee = Committee::of(2);
    let (net0, _inbox0) = committee.start(0);
    let (_net1, inbox1) = committee.start(1);
    let transcript = Bytes::from(vec![3; limits::TRANSCRIPT_BYTES_MAX]);
    let big = PeerMessage::Ceremony(Box::new(CeremonyMessage {
        sender: NodeIndex(0),
        step: CeremonyStep::Done(transcript),
        signature: NodeSignature([4; 64]),
    }));
    net0.broadcast(&big);
    check_receives(&inbox1, 0, big);
}

#[test]
fn reaches_a_peer_that_starts_late_and_one_that_comes_back() {
    let mut committee = Committee::of(2);
    let (net0, _inbox0) = committee.start(0);
    net0.send(NodeIndex(1), &status(1));
    let (net1, inbox1) = committee.start(1);
    check_receives(&inbox1, 0, status(1));
    drop((net1, inbox1));
    let gone = std::time::Instant::now();
    while net0.connected() > 0 {
        assert!(gone.elapsed() < HANG, "the end of a connection is noticed");
        std::thread::yield_now();
    }
    net0.send(NodeIndex(1), &status(2));
    let (_net1, inbox1) = committee.start(1);
    check_receives(&inbox1, 0, status(2));
}

#[test]
fn a_dead_peer_holds_nobody_up() {
    let mut committee = Committee::of(3);
    let (net0, _inbox0) = committee.start(0);
    let (_net1, inbox1) = committee.start(1);
    let silent = committee.listeners[2].take();
    for view in 0..2 * limits::PEER_QUEUE_COUNT_MAX as u64 {
        net0.broadcast(&status(view));
    }
    let mut last = 0;
    while last + 1 < 2 * limits::PEER_QUEUE_COUNT_MAX as u64 {
        let received = inbox1.recv_timeout(HANG).expect("messages to the living peer flow");
        let PeerMessage::Status(status) = received.message else { panic!("not what was sent") };
        assert!(status.view.0 >= last, "in order");
        last = status.view.0;
    }
    assert!(net0.dropped() > 0, "the dead peer's queue is bounded");
    drop(silent);
}

#[test]
fn an_unprocessed_flood_stops_at_the_senders_share_of_the_inbox() {
    let mut committee = Committee::of(2);
    let (net0, _inbox0) = committee.start(0);
    let (_net1, inbox1) = committee.start(1);
    let megabyte = PeerMessage::Ingress(Bytes::from(vec![1; 1 << 20]));
    net0.send(NodeIndex(1), &megabyte);
    let mut kept = vec![inbox1.recv_timeout(HANG).expect("the first")];
    for _ in 0..60 {
        net0.send(NodeIndex(1), &megabyte);
    }
    while let Ok(received) = inbox1.recv_timeout(Duration::from_secs(1)) {
        kept.push(received);
    }
    assert!(kept.len() <= limits::PEER_INBOX_BYTES_MAX >> 20, "{} MiB were let in", kept.len());
    kept.clear();
    assert!(inbox1.recv_timeout(HANG).is_ok(), "room given back lets the stream go on");
}

#[test]
fn refuses_a_key_that_genesis_does_not_name() {
    let mut committee = Committee::of(2);
    let (_net0, inbox0) = committee.start(0);
    let mut strangers = Committee::of(2);
    strangers.members[0] = committee.members[0].clone();
    let (stranger, _inbox) = strangers.start(1);
    stranger.broadcast(&status(66));
    let (net1, _inbox1) = committee.start(1);
    net1.broadcast(&status(1));
    check_receives(&inbox0, 1, status(1));
    assert!(inbox0.recv_timeout(Duration::from_millis(500)).is_err());
    assert_eq!(stranger.connected(), 0);
}

#[test]
fn does_not_talk_to_a_server_with_another_nodes_key() {
    let mut committee = Committee::of(3);
    let (_net2, inbox2) = committee.start(2);
    committee.members[1].address = committee.members[2].address.clone();
    let (net0, _inbox0) = committee.start(0);
    net0.send(NodeIndex(1), &status(1));
    net0.send(NodeIndex(2), &status(2));
    check_receives(&inbox2, 0, status(2));
    assert!(inbox2.recv_timeout(Duration::from_millis(500)).is_err());
    assert_eq!(net0.connected(), 1);
}

#[test]
fn refuses_another_chain_whatever_the_keys() {
    let mut committee = Committee::of(2);
    let (_net0, inbox0) = committee.start(0);
    let (net1, _inbox1) = committee.start_on(1, Digest([8; 32]));
    net1.broadcast(&status(1));
    assert!(inbox0.recv_timeout(Duration::from_millis(1_500)).is_err());
}

#[test]
fn closes_on_plaintext_without_an_answer_in_http() {
    let mut committee = Committee::of(2);
    let (net0, _inbox0) = committee.start(0);
    let address = committee.members[0].address.clone();
    let answer = net0.runtime.block_on(async move {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(HANG, tcp.read_to_end(&mut answer)).await.expect("closed");
        answer
    });
    assert!(answer.len() <= 7, "at most a TLS alert: {answer:?}");
}

#[test]
fn names_a_tls_key_that_is_not_the_nodes_own() {
    let committee = Committee::of(2);
    let pins = committee.members.iter().map(|member| member.tls_key).collect();
    let refused = tls::Tls::new(&committee.keys[1].pkcs8, Some(NodeIndex(0)), pins);
    assert!(matches!(refused, Err(TlsError::NotOwn(NodeIndex(0)))));
}

#[test]
fn when_the_members_change_the_new_one_is_met_and_the_old_one_is_cut_off() {
    let mut committee = Committee::of(4);
    let (net0, inbox0) = committee.start(0);
    let (net1, inbox1) = committee.start(1);
    let (net2, _inbox2) = committee.start(2);
    net2.send(NodeIndex(0), &status(1));
    check_receives(&inbox0, 2, status(1));
    // Node 3 takes the place of node 2.
    let members = [0, 1, 3].map(|node: usize| committee.members[node].clone()).to_vec();
    let place =
        |own: u16| Membership { chain: Digest([7; 32]), own: Some(NodeIndex(own)), nodes: members.clone() };
    net0.set_members(place(0)).unwrap();
    net1.set_members(place(1)).unwrap();
    net1.set_members(place(1)).unwrap();
    assert_eq!((net0.generation(), net1.generation()), (1, 1), "the same members are no change");
    let (net3, inbox3) = committee.start(3);
    net3.set_members(place(2)).unwrap();
    // What is on its way while the members change is lost.
    let repeated = |say: &dyn Fn(), inbox: &Receiver<Received>| {
        let received = (0..100).find_map(|_| {
            say();
            inbox.recv_timeout(HANG / 100).ok()
        });
        received.map(|received| (received.from, received.generation, received.message))
    };
    for inbox in [&inbox3, &inbox1] {
        assert_eq!(repeated(&|| net0.broadcast(&status(2)), inbox), Some((NodeIndex(0), 1, status(2))));
    }
    net2.send(NodeIndex(0), &status(3));
    let received = repeated(&|| net3.send(NodeIndex(0), &status(4)), &inbox0);
    assert_eq!(received, Some((NodeIndex(2), 1, status(4))));
}
