//! A bad line: a TCP proxy on loopback, below TLS, that delays, throttles, cuts, swallows and refuses, as told while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use casemail::net::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// How the line is just now. Zero is none of it.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    /// From one end to the other, in milliseconds.
    pub(crate) delay_ms: AtomicU64,
    /// Bytes in a second, each way.
    pub(crate) rate: AtomicU64,
    /// A connection is cut when so many bytes went to the client, or
    pub(crate) cut_down: AtomicU64,
    /// so many to the server.
    pub(crate) cut_up: AtomicU64,
    /// Nothing goes through, and nobody is told.
    pub(crate) hole: AtomicBool,
    /// Connections are closed as soon as they come.
    pub(crate) refuse: AtomicBool,
    /// Bytes that went to clients.
    pub(crate) down: AtomicU64,
    /// Bytes that went to the server.
    pub(crate) up: AtomicU64,
    /// How often something went to the server after something had come from it: round trips that were waited for.
    pub(crate) turns: AtomicUsize,
    /// What went last went to the client.
    answered: AtomicBool,
    /// Connections so far.
    pub(crate) connections: AtomicUsize,
    /// Cuts so far.
    pub(crate) cuts: AtomicUsize,
}

/// The proxy; its connections end with it.
#[derive(Debug)]
pub(crate) struct Line {
    port: u16,
    weather: Arc<Weather>,
    /// Its value counts the cuts by hand; gone, it ends everything.
    cutter: watch::Sender<u64>,
}

impl Line {
    /// A fair line to a server on loopback.
    pub(crate) fn to(endpoint: &Endpoint) -> Self {
        let weather = Arc::new(Weather::default());
        let (cutter, cut) = watch::channel(0);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shared, server) = (Arc::clone(&weather), endpoint.port);
        // A thread of its own: the tests' runtimes may be busy, and some tests have none.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, server, shared, cut));
        });
        Self { port, weather, cutter }
    }

    /// The same endpoint by way of the line.
    pub(crate) fn via(&self, endpoint: &Endpoint) -> Endpoint {
        Endpoint { port: self.port, ..endpoint.clone() }
    }

    /// How it is, to be changed at will.
    pub(crate) fn weather(&self) -> &Weather {
        &self.weather
    }

    /// Cuts every connection now.
    pub(crate) fn cut(&self) {
        self.cutter.send_modify(|cuts| *cuts += 1);
    }

    /// A fair line again. What was counted stays.
    pub(crate) fn mend(&self) {
        let weather = &*self.weather;
        for number in [&weather.delay_ms, &weather.rate, &weather.cut_down, &weather.cut_up] {
            number.store(0, SeqCst);
        }
        weather.hole.store(false, SeqCst);
        weather.refuse.store(false, SeqCst);
    }
}

async fn serve(listener: std::net::TcpListener, server: u16, weather: Arc<Weather>, mut cut: watch::Receiver<u64>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            _ = cut.wait_for(|_| false) => return,
        };
        weather.connections.fetch_add(1, SeqCst);
        if !weather.refuse.load(SeqCst) {
            tokio::spawn(connection(client, server, Arc::clone(&weather), cut.clone()));
        }
    }
}

/// One connection, until an end closes, or the line is cut: then both ends lose it at once.
async fn connection(client: TcpStream, server: u16, weather: Arc<Weather>, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whichever way ends first, all that it carried has arrived; the connection goes.
    tokio::select! {
        _ = cut.changed() => {}
        () = pass(from_server, to_client, &weather, true) => {}
        () = pass(from_client, to_server, &weather, false) => {}
    }
}

/// One way of a connection.
async fn pass(from: OwnedReadHalf, to: OwnedWriteHalf, weather: &Arc<Weather>, down: bool) {
    let (sender, receiver) = mpsc::channel(256);
    let reading = read(from, sender, Arc::clone(weather));
    let writing = write(to, receiver, weather, down);
    tokio::select! {
        () = writing => {}
        // The end travels behind what was sent before it.
        () = async { reading.await; std::future::pending().await } => {}
    }
}

async fn read(mut from: OwnedReadHalf, sender: mpsc::Sender<(Instant, Vec<u8>)>, weather: Arc<Weather>) {
    loop {
        let mut chunk = vec![0; if weather.rate.load(SeqCst) > 0 { 1_024 } else { 16_384 }];
        let read = from.read(&mut chunk).await.unwrap_or(0);
        chunk.truncate(read);
        let due = Instant::now() + Duration::from_millis(weather.delay_ms.load(SeqCst));
        if sender.send((due, chunk)).await.is_err() || read == 0 {
            return;
        }
    }
}

async fn write(
    mut to: OwnedWriteHalf,
    mut receiver: mpsc::Receiver<(Instant, Vec<u8>)>,
    weather: &Weather,
    down: bool,
) {
    let (limit, sum) = if down { (&weather.cut_down, &weather.down) } else { (&weather.cut_up, &weather.up) };
    let mut gone = 0;
    while let Some((due, mut chunk)) = receiver.recv().await {
        tokio::time::sleep_until(due.into()).await;
        while weather.hole.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let rate = weather.rate.load(SeqCst);
        if let Some(pause) = (chunk.len() as u64 * 1_000_000).checked_div(rate) {
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        let limit = limit.load(SeqCst);
        let cut = limit > 0 && gone + chunk.len() as u64 >= limit;
        if cut {
            chunk.truncate(usize::try_from(limit.saturating_sub(gone)).unwrap());
        }
        gone += chunk.len() as u64;
        sum.fetch_add(chunk.len() as u64, SeqCst);
        if !chunk.is_empty() && weather.answered.swap(down, SeqCst) && !down {
            weather.turns.fetch_add(1, SeqCst);
        }
        if chunk.is_empty() || to.write_all(&chunk).await.is_err() || cut {
            weather.cuts.fetch_add(usize::from(cut), SeqCst);
            break;
        }
    }
    let _ = to.shutdown().await;
}
