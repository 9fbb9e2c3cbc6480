//! The network's child processes: each in a group of its own, none outliving this process. Most are this binary with
//! other arguments.

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, kill_process, set_parent_process_death_signal, setrlimit,
};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

/// Lines of a log that an error shows.
const TAIL_LINES: usize = 12;
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(500);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);
/// A process that lived this long may be restarted at once again.
const STEADY: Duration = Duration::from_secs(30);

/// A process cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {name}: {error}")]
pub struct ProcessError {
    name: String,
    error: io::Error,
}

/// One child of the network.
pub struct Process {
    pub name: String,
    program: PathBuf,
    pub log: PathBuf,
    pub args: Vec<String>,
    /// What its next start has in its environment besides.
    pub environment: Vec<(String, String)>,
    /// No file that its next start writes may be longer; a write beyond is an error.
    pub file_bytes_max: Option<u64>,
    child: Option<Child>,
    started: Instant,
    pause: Duration,
    /// When it is to be started again.
    due: Option<Instant>,
}

impl Process {
    /// # Errors
    /// The binary or the log cannot be used.
    pub fn start(name: impl Into<String>, log: PathBuf, args: Vec<String>) -> Result<Process, ProcessError> {
        let name = name.into();
        match std::env::current_exe() {
            Ok(program) => Process::run(name, program, log, args),
            Err(error) => Err(ProcessError { name, error }),
        }
    }

    /// Starts another program than this one.
    ///
    /// # Errors
    /// The program or the log cannot be used.
    pub fn run(
        name: String,
        program: PathBuf,
        log: PathBuf,
        args: Vec<String>,
    ) -> Result<Process, ProcessError> {
        let mut process = Process {
            name,
            program,
            log,
            args,
            environment: Vec::new(),
            file_bytes_max: None,
            child: None,
            started: Instant::now(),
            pause: RESTART_PAUSE_MIN,
            due: None,
        };
        process.spawn()?;
        Ok(process)
    }

    /// Starts it, which must have ended.
    ///
    /// # Errors
    /// The binary or the log cannot be used.
    pub fn spawn(&mut self) -> Result<(), ProcessError> {
        let child = self.command();
        self.child = Some(child.map_err(|error| ProcessError { name: self.name.clone(), error })?);
        self.started = Instant::now();
        self.due = None;
        Ok(())
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// How it ended, once, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.finished().map(describe)
    }

    /// With which status it ended, once, if it has.
    pub fn finished(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    /// Plans a restart; the pause doubles with every short life.
    pub fn restart_later(&mut self) {
        self.pause = match self.started.elapsed() > STEADY {
            true => RESTART_PAUSE_MIN,
            false => (self.pause * 2).min(RESTART_PAUSE_MAX),
        };
        self.due = Some(Instant::now() + self.pause);
    }

    /// Starts it again if that is due; says whether it did.
    ///
    /// # Errors
    /// The binary or the log cannot be used.
    pub fn restart_if_due(&mut self) -> Result<bool, ProcessError> {
        let due = self.due.is_some_and(|due| due <= Instant::now());
        if due {
            self.spawn()?;
        }
        Ok(due)
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
    }

    /// Kills it at once and waits for its end.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// How it ended, if it does within this time.
    pub async fn exit(&mut self, within: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        let status = timeout_at(Instant::now() + within, child.wait()).await.ok()?.ok();
        self.child = None;
        status
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }

    fn command(&self) -> io::Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let (own, file_bytes_max) = (rustix::process::getpid(), self.file_bytes_max);
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.process_group(0).kill_on_drop(true);
        // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::TERM))?;
                if let Some(bytes) = file_bytes_max {
                    limit_files(bytes)?;
                }
                // The parent may have died before the lines above.
                if getppid() != Some(own) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Ok(())
            });
        }
        command.spawn()
    }
}

/// Asks all to stop, waits, and kills those that do not by `deadline`.
pub async fn stop_all(processes: &mut [Process], deadline: Duration) {
    let deadline = Instant::now() + deadline;
    processes.iter().for_each(|process| process.signal(Signal::TERM));
    for process in processes {
        let Some(child) = process.child.as_mut() else { continue };
        if timeout_at(deadline, child.wait()).await.is_err() {
            eprintln!("{} does not stop: killed", process.name);
            let _ = child.kill().await;
        }
    }
}

/// Writes beyond so many bytes of a file fail, instead of ending the process.
fn limit_files(bytes: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Fsize, limit)?;
    // SAFETY: ignoring a signal takes plain numbers.
    match unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Exit code or signal.
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_string(),
    }
}
