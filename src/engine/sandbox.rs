//! The sandbox that foreign documents are read in: this program once more, as a child that gives up what it does not need before it looks at the first
//! foreign byte.
//!
//! The child reads all of its input, then sets limits (processor, memory, no new files, no core), then a seccomp filter that allows memory, time, the
//! two pipes and its end, and nothing else: opening a file, a socket or a process is refused by the kernel. Where the filter cannot be
//! set, nothing is looked into. The parent allows it some seconds and an answer of bounded length, and kills it after that. The child
//! has an empty environment and no arguments that say anything of the document.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::look::{Asked, BYTES_MAX, Found, look};

/// The hidden word that makes the program the child.
pub const WORD: &str = "__look";
/// The name under which the child tells what it can still do, for tests and `check`.
const PROBE: &str = "\u{0}probe";

/// The name under which the child makes a bundle of a PDF for nothing.
const REHEARSAL: &str = "\u{0}rehearsal";

/// How long a document is read, and how many seconds of the processor that may take.
const PATIENCE: Duration = Duration::from_secs(15);
const CPU_SECONDS: u64 = 12;
/// The same where a bundle is made of it, all of whose pages are gone through.
const PATIENCE_OF_REHEARSAL: Duration = Duration::from_secs(60);
const CPU_SECONDS_OF_REHEARSAL: u64 = 40;
/// Address space of the child: the program itself, a document, a picture.
const MEMORY_BYTES: u64 = 1 << 30;
/// Bytes of its answer: text and a small picture, as JSON.
const ANSWER_MAX: u64 = 32 << 20;

/// Why a document was not looked into, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLooked {
    /// There is no sandbox here, whatever the document.
    #[error("{0}")]
    NoSandbox(String),
    /// The document itself.
    #[error("{0}")]
    Document(String),
}

impl From<NotLooked> for String {
    fn from(because: NotLooked) -> Self {
        because.to_string()
    }
}

/// Looks into a document in the sandbox.
///
/// # Errors
/// [`NotLooked`].
pub(crate) async fn look_inside(asked: &Asked, bytes: &[u8]) -> Result<Found, NotLooked> {
    use NotLooked::{Document, NoSandbox};
    if bytes.len() > BYTES_MAX {
        return Err(Document(format!("it is larger than the {} MB that are looked into", BYTES_MAX >> 20)));
    }
    let fail = |error: std::io::Error| NoSandbox(format!("the sandbox could not be started: {error}"));
    // Whatever became of the file, this is the program that runs.
    let mut child = Command::new("/proc/self/exe")
        .arg(WORD)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(fail)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(NoSandbox("the sandbox could not be started".to_owned()));
    };
    let mut head = serde_json::to_vec(asked).map_err(|error| Document(error.to_string()))?;
    head.push(b'\n');
    let write = async {
        // A child that ends early has said why.
        let _ = input.write_all(&head).await;
        let _ = input.write_all(bytes).await;
        drop(input);
    };
    let mut answer = Vec::new();
    let mut limited = output.take(ANSWER_MAX);
    let work = async {
        let (read, ()) = tokio::join!(limited.read_to_end(&mut answer), write);
        read?;
        child.wait().await
    };
    let patience = if asked.name == REHEARSAL { PATIENCE_OF_REHEARSAL } else { PATIENCE };
    let ended = match tokio::time::timeout(patience, work).await {
        Err(_) => {
            let _ = child.start_kill();
            return Err(Document(format!(
                "it took longer than {} seconds to read, and was given up",
                patience.as_secs()
            )));
        }
        Ok(ended) => ended.map_err(fail)?,
    };
    match serde_json::from_slice::<Result<Found, String>>(&answer) {
        Ok(found) => found.map_err(Document),
        Err(_) if ended.code() == Some(i32::from(NO_SANDBOX)) => Err(NoSandbox(
            "this system gives no sandbox (seccomp), so nothing is looked into here; it can be saved".to_owned(),
        )),
        Err(_) => Err(Document("reading it failed: it is damaged, or made to break its reader".to_owned())),
    }
}

/// The same for a command, which may wait.
///
/// # Errors
/// [`NotLooked`].
pub fn look_now(asked: &Asked, bytes: &[u8]) -> Result<Found, NotLooked> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| NotLooked::NoSandbox(format!("the sandbox could not be started: {error}")))?;
    // A thread of its own: whoever calls may be within another runtime.
    let looked = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(look_inside(asked, bytes))).join());
    looked.unwrap_or_else(|_| Err(NotLooked::Document("reading it failed".to_owned())))
}

/// What the child can still do, a line for each thing that it tries: all of them refused, where the sandbox holds.
///
/// # Errors
/// In words.
pub fn probe_now() -> Result<String, NotLooked> {
    let asked = Asked { name: PROBE.to_owned(), media_type: String::new() };
    look_now(&asked, b"").map(|found| found.text)
}

/// Makes a bundle of a PDF in the sandbox and throws it away: what that survives, with the memory and the time that it is given, may be loaded outside of
/// it. Gives about how many bytes of memory it takes there.
///
/// # Errors
/// [`NotLooked`]: why it must not be loaded.
pub(crate) fn rehearse_now(pdf: &[u8]) -> Result<u64, NotLooked> {
    let asked = Asked { name: REHEARSAL.to_owned(), media_type: String::new() };
    let found = look_now(&asked, pdf)?;
    found.text.parse().map_err(|_| NotLooked::Document("reading it failed".to_owned()))
}

/// The child's exit code where there is no sandbox.
const NO_SANDBOX: u8 = 70;

/// The child: reads from standard input, answers on standard output; gives its exit code.
#[must_use]
pub fn child() -> u8 {
    let most = BYTES_MAX as u64 + 64 * 1024;
    let mut input = Vec::new();
    if std::io::stdin().lock().take(most).read_to_end(&mut input).is_err() {
        return 74;
    }
    let end = memchr::memchr(b'\n', &input).unwrap_or(input.len());
    let (head, rest) = input.split_at(end);
    // Our own parent wrote this line.
    let Ok(asked) = serde_json::from_slice::<Asked>(head) else { return 65 };
    // The answer's place and the words of a panic are made before the door shuts.
    std::panic::set_hook(Box::new(|_| {}));
    let is_rehearsal = asked.name == REHEARSAL;
    if enter(if is_rehearsal { CPU_SECONDS_OF_REHEARSAL } else { CPU_SECONDS }).is_err() {
        return NO_SANDBOX;
    }
    let answer: Result<Found, String> = if asked.name == PROBE {
        Ok(Found::text("probe", probe()))
    } else if is_rehearsal {
        let pdf = rest.get(1..).unwrap_or_default().to_vec();
        crate::export::bundle::rehearsed(pdf).map(|weight| Found::text("rehearsal", weight.to_string()))
    } else {
        look(&asked, rest.get(1..).unwrap_or_default()).map_err(|error| error.0)
    };
    let written = serde_json::to_vec(&answer).map_err(std::io::Error::other);
    let done = written.and_then(|text| {
        let mut out = std::io::stdout().lock();
        out.write_all(&text)?;
        out.flush()
    });
    if done.is_ok() { 0 } else { 74 }
}

/// What the child is left with: the calls that memory, time, locks, signals and the two pipes need.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Gives up everything else. There is no way back.
fn enter(cpu_seconds: u64) -> Result<(), String> {
    let limit = |resource, most: u64| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(|error| error.to_string())
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Cpu, cpu_seconds)?;
    limit(Resource::As, MEMORY_BYTES)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 3)?;
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(|_| "no filter for this processor".to_owned())?;
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let refused = SeccompAction::Errno(u32::from(rustix::io::Errno::PERM.raw_os_error().unsigned_abs() as u16));
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch).map_err(|error| error.to_string())?;
    let program: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

/// Tries what must not work any more.
fn probe() -> String {
    let told = |name: &str, worked: bool| format!("{name} {}\n", if worked { "allowed" } else { "refused" });
    [
        told("read-file", std::fs::read("/proc/self/status").is_ok()),
        told("write-file", std::fs::write("/tmp/casemail-probe", b"x").is_ok()),
        told(
            "tcp",
            std::net::TcpStream::connect("127.0.0.1:9")
                .is_err_and(|error| error.kind() != std::io::ErrorKind::PermissionDenied),
        ),
        told("udp", std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
        told("process", std::process::Command::new("/bin/true").spawn().is_ok()),
        told("thread", std::thread::Builder::new().spawn(|| ()).is_ok()),
    ]
    .concat()
}
