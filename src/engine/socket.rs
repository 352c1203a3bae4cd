//! A second process of the same profile: served by the first over a Unix socket, so that a lock is never the user's problem.
//!
//! The socket lies in the profile's state directory (0700), is itself 0600, and both ends check by `SO_PEERCRED` that the other runs
//! under the same user. The protocol is as small as it gets: the client sends one request (arguments, working directory, standard
//! input), the server sends chunks of output and at last the exit code. Every frame is a kind byte, a length (u32, big-endian)
//! and that many bytes, with a limit. What a request means is the business of whoever hands in the [`Handler`]; nothing here
//! interprets it, and nothing travels over the network by this way.

use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Largest request: a draft with its attachments may come by standard input.
const REQUEST_BYTES_MAX: u32 = 128 << 20;
/// Largest chunk of output.
const CHUNK_BYTES_MAX: u32 = 256 << 10;
/// Requests served at the same time.
const CLIENTS_MAX: usize = 8;
/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST: u8 = b'R';
const STDOUT: u8 = b'o';
const STDERR: u8 = b'e';
const EXIT: u8 = b'x';

/// What the second process was asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its arguments, without the program's name.
    pub args: Vec<String>,
    /// Its working directory: paths in the arguments are relative to it.
    pub cwd: PathBuf,
    /// All of its standard input, where the command reads it.
    pub stdin: Vec<u8>,
    /// A passphrase that was typed to it, or read from a file descriptor of its.
    pub secret: Option<Secret>,
}

/// A passphrase on its way between two processes of one user; wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a request's output goes.
pub struct Replies<'a> {
    stream: &'a mut UnixStream,
}

impl Replies<'_> {
    /// Sends a part of the standard output.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn stdout(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.chunks(STDOUT, bytes)
    }

    /// Sends a part of the standard error output.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn stderr(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.chunks(STDERR, bytes)
    }

    fn chunks(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK_BYTES_MAX as usize) {
            write_frame(self.stream, kind, chunk)?;
        }
        Ok(())
    }
}

/// Performs a request and says its exit code.
pub type Handler = Arc<dyn Fn(Request, &mut Replies<'_>) -> u8 + Send + Sync>;

/// Why there is no answer from the first process.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Nobody listens: this process is the first.
    #[error("no other casemail serves this profile")]
    Nobody,
    /// Somebody else listens.
    #[error("{0} belongs to another user: remove it, or use another --home")]
    OtherUser(PathBuf),
    /// The first process went away in the middle.
    #[error("the casemail that serves this profile did not answer ({0}): look at its screen, or end it and try again")]
    Io(#[from] io::Error),
}

fn write_frame(stream: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut frame = Zeroizing::new(Vec::with_capacity(bytes.len().saturating_add(5)));
    frame.push(kind);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(bytes);
    stream.write_all(&frame)?;
    stream.flush()
}

fn read_frame(stream: &mut impl Read, bytes_max: u32) -> io::Result<(u8, Zeroizing<Vec<u8>>)> {
    let mut kind = [0_u8; 1];
    stream.read_exact(&mut kind)?;
    let mut length = [0_u8; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    // Grows with what really arrives, not with what is announced.
    stream.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((u8::from_be_bytes(kind), bytes))
}

fn same_user(stream: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// The listening end. Dropping it ends the listening and removes the socket.
pub struct Server {
    path: PathBuf,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens at `path`. The profile's lock must be held: a socket that lies there is then a left-over and is replaced.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(path: &Path, handler: Handler) -> io::Result<Self> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let ending = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ending);
        let thread =
            std::thread::Builder::new().name("socket".to_owned()).spawn(move || accept(&listener, &handler, &seen))?;
        Ok(Self { path: path.to_owned(), ending, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the thread out of accept().
        let woken = UnixStream::connect(&self.path).is_ok();
        let _ = std::fs::remove_file(&self.path);
        if let Some(thread) = self.thread.take()
            && woken
        {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &UnixListener, handler: &Handler, ending: &AtomicBool) {
    let clients = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if !same_user(&stream) || clients.load(Ordering::SeqCst) >= CLIENTS_MAX {
            continue;
        }
        clients.fetch_add(1, Ordering::SeqCst);
        let (handler, serving) = (Arc::clone(handler), Arc::clone(&clients));
        // A deep message is parsed on this thread: see the engine's stack size.
        let spawned =
            std::thread::Builder::new().name("request".to_owned()).stack_size(super::STACK_BYTES).spawn(move || {
                let _ = serve(stream, &handler);
                serving.fetch_sub(1, Ordering::SeqCst);
            });
        if spawned.is_err() {
            clients.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn serve(mut stream: UnixStream, handler: &Handler) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let (kind, bytes) = read_frame(&mut stream, REQUEST_BYTES_MAX)?;
    if kind != REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let request: Request = postcard::from_bytes(&bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        handler(request, &mut Replies { stream: &mut stream })
    }));
    let code = match done {
        Ok(code) => code,
        Err(_) => {
            let mut replies = Replies { stream: &mut stream };
            replies.stderr(
                b"casemail: this command failed in a way that was not foreseen; nothing was changed by its failure\n",
            )?;
            70
        }
    };
    write_frame(&mut stream, EXIT, &[code])
}

/// Has the first process perform a request; its output goes to `out` and `err` as it comes. The exit code is the answer.
///
/// # Errors
/// [`SocketError::Nobody`] when no process serves the profile.
pub fn call(path: &Path, request: &Request, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, SocketError> {
    let mut stream = UnixStream::connect(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => SocketError::Nobody,
        _ => SocketError::Io(why),
    })?;
    if !same_user(&stream) {
        return Err(SocketError::OtherUser(path.to_owned()));
    }
    let bytes = postcard::to_stdvec(request).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let bytes = Zeroizing::new(bytes);
    write_frame(&mut stream, REQUEST, &bytes)?;
    loop {
        let (kind, bytes) = read_frame(&mut stream, CHUNK_BYTES_MAX)?;
        match kind {
            STDOUT => out.write_all(&bytes)?,
            STDERR => err.write_all(&bytes)?,
            EXIT => return bytes.first().copied().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData).into()),
            _ => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Handler, Replies, Request, Server, SocketError, call};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    fn echo() -> Handler {
        Arc::new(|request: Request, replies: &mut Replies<'_>| {
            if request.args == ["panic"] {
                panic!("as asked");
            }
            replies.stdout(&request.stdin).unwrap();
            replies.stderr(request.args.join(" ").as_bytes()).unwrap();
            request.args.len() as u8
        })
    }

    #[test]
    fn output_and_exit_code_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let server = Server::listen(&path, echo()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let stdin: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
        let request =
            Request { args: vec!["case".into(), "list".into()], cwd: "/".into(), stdin: stdin.clone(), secret: None };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(call(&path, &request, &mut out, &mut err).unwrap(), 2);
        assert_eq!((out, err), (stdin, b"case list".to_vec()));
        let request = Request { args: vec!["panic".into()], ..Request::default() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(call(&path, &request, &mut out, &mut err).unwrap(), 70);
        drop(server);
        assert!(!path.exists());
        assert!(matches!(call(&path, &request, &mut out, &mut err), Err(SocketError::Nobody)));
    }

    #[test]
    fn a_left_over_socket_is_replaced_and_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Server::listen(&path, echo()).unwrap());
        std::fs::write(&path, "precious").unwrap();
        assert!(Server::listen(&path, echo()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
