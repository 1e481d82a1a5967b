//! One Python process that answers requests in order.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::process::Process;
use super::wire::{self, Answer, Frame, NoFrame, Question};
use super::{PythonError, PythonOptions, interpreter};
use crate::engine::cut_and_scale::cut_and_scale;
use crate::engine::remote::{Embedded, Scored};
use crate::engine::{Role, TextOptions};
use crate::model::pooling;

/// A Python process with a model. Cheap to clone; requests of all clones are answered in turn, and with the last clone
/// the process ends. Needs the tokio runtime that it was started on.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

/// A Python engine's description of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorkerInfo {
    /// Length of its vectors; 1 for scores.
    pub dimensions: usize,
    /// The device: `cpu`, `cuda`, …
    pub device: String,
    /// The number format: `float32`, …
    pub dtype: String,
    /// Longest text in tokens, where it is known.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// Versions of Python and of the libraries at work, by name: `python`, `torch`, …
    pub versions: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub python: PathBuf,
}

struct Shared {
    info: WorkerInfo,
    id: Option<u32>,
    questions: mpsc::Sender<QueuedRequest>,
    death: watch::Receiver<Option<PythonError>>,
    text: TextOptions,
    /// Texts truncated so far, as far as replies report it.
    truncated: AtomicU64,
    /// Replies without that figure.
    unreported: AtomicU64,
    /// Dropped with the last clone.
    _alive: oneshot::Sender<()>,
    width: OnceLock<usize>,
}

/// A request on its way to the process.
struct QueuedRequest {
    id: u64,
    frame: Vec<u8>,
    reply: oneshot::Sender<Frame<Answer>>,
}

/// Requests on their way, those of them that were written first.
#[derive(Default)]
struct Waiting(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    replies: VecDeque<(u64, oneshot::Sender<Frame<Answer>>)>,
    /// Since when the first of them has been the first.
    since: Option<Instant>,
    /// No reply will come any more.
    closed: bool,
}

/// Requests that wait to be written; more wait with their callers.
const BACKLOG: usize = 16;
/// Maximum interval of checks for overdue replies.
const TICK: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Hello {
    Ready(WorkerInfo),
    Failed {
        kind: String,
        message: String,
        #[serde(default)]
        trace: String,
        #[serde(default)]
        package: Option<String>,
    },
}

impl Worker {
    /// Starts the process and waits until its model is loaded.
    ///
    /// # Errors
    /// [`PythonError`] if the engine cannot be used; the process has ended then.
    pub async fn start(options: &PythonOptions) -> Result<Self, PythonError> {
        let setup = wire::frame(&options.setup()?, &[]).map_err(|e| PythonError::System(e.to_string()))?;
        let kind = options.spec.kind;
        let found = interpreter::find(&options.spec, options.python.as_deref(), &options.cache).await?;
        tracing::info!("{}: Python {} ({})", options.spec, found.version, found.path.display());
        let mut process = Process::start(&found.path, kind.name())?;
        let id = process.id();
        let (Some(mut stdin), Some(mut stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(PythonError::System("the process has no pipes".into()));
        };
        let hello = async {
            // A process that ends before it reads says why on stderr.
            let _ = wire::write(&mut stdin, &setup).await;
            wire::read::<Hello>(&mut stdout).await
        };
        let hello = match tokio::time::timeout(options.start_timeout, hello).await {
            Ok(hello) => hello,
            Err(_) => {
                let stderr = process.kill().await;
                return Err(PythonError::Slow { after: options.start_timeout, stderr });
            }
        };
        let mut info = match hello {
            Ok(Frame { header: Hello::Ready(info), .. }) => info,
            Ok(Frame { header: Hello::Failed { kind: how, message, trace, package }, .. }) => {
                tracing::debug!("{trace}");
                let (_, stderr) = process.end().await;
                return Err(match (how.as_str(), package) {
                    ("missing", Some(package)) => {
                        PythonError::Missing { engine: kind.name(), package, pythons: vec![found.path] }
                    }
                    ("refused", _) => PythonError::Refused(message),
                    _ => PythonError::Load { reason: message, stderr },
                });
            }
            Err(NoFrame::Closed) => {
                let (status, stderr) = process.end().await;
                return Err(PythonError::Died { status, stderr });
            }
            Err(NoFrame::Garbage(reason)) => {
                process.kill().await;
                return Err(PythonError::Garbage(reason));
            }
        };
        info.python = found.path;
        if let Some(dimensions) = options.text.dimensions {
            if dimensions > info.dimensions {
                let reason = format!("--dimensions: the model's vectors have {} dimensions", info.dimensions);
                return Err(PythonError::Option(reason));
            }
            info.dimensions = dimensions;
        }
        tracing::info!(device = info.device, dtype = info.dtype, versions = ?info.versions, "{} is ready", options.spec);

        let (questions, asked) = mpsc::channel(BACKLOG);
        let (alive, dropped) = oneshot::channel();
        let (dead, death) = watch::channel(None);
        let waiting = Arc::new(Waiting::default());
        tokio::spawn(send(stdin, asked, Arc::clone(&waiting)));
        let attend = Supervisor { process, stdout, waiting, limit: options.request_timeout };
        tokio::spawn(attend.run(dropped, dead));
        Ok(Self(Arc::new(Shared {
            info,
            id,
            questions,
            death,
            text: options.text.clone(),
            truncated: AtomicU64::new(0),
            unreported: AtomicU64::new(0),
            _alive: alive,
            width: OnceLock::new(),
        })))
    }

    /// The engine's description of itself.
    pub fn info(&self) -> &WorkerInfo {
        &self.0.info
    }

    /// The process's id; what it starts has it as its group.
    pub fn pid(&self) -> Option<u32> {
        self.0.id
    }

    /// Texts truncated so far; `None` if a reply lacked the figure.
    pub fn truncated(&self) -> Option<u64> {
        (self.0.unreported.load(Ordering::Relaxed) == 0).then(|| self.0.truncated.load(Ordering::Relaxed))
    }

    /// The reason that the process has ended, if it has.
    pub fn death(&self) -> Option<PythonError> {
        self.0.death.borrow().clone()
    }

    /// The vectors of `texts`, by one request.
    ///
    /// There are as many as texts, all as long as every other of this worker. What is in them was not looked at:
    /// [`crate::engine::Checked`] does.
    ///
    /// # Errors
    /// [`PythonError::Failed`] and [`PythonError::Shape`] are about this request alone; after an error that
    /// [is final](PythonError::is_final) no other can succeed.
    pub async fn embed(&self, texts: &[&str], role: Role) -> Result<Embedded, PythonError> {
        let role = match role {
            Role::Text => "text",
            Role::Query => "query",
            Role::Document => "document",
        };
        let (mut vectors, tokens) = self.ask("embed", role, texts, texts.len()).await?;
        let TextOptions { dimensions, normalize, .. } = self.0.text;
        for vector in &mut vectors {
            cut_and_scale(vector, dimensions, normalize, pooling::ROUNDING).map_err(PythonError::Shape)?;
        }
        if let Some(width) = vectors.first().map(Vec::len) {
            let usual = *self.0.width.get_or_init(|| self.0.info.dimensions);
            if width != usual {
                return Err(PythonError::Shape(format!("vectors of {width} dimensions instead of {usual}")));
            }
        }
        Ok(Embedded { values: vectors, tokens, model: None })
    }

    /// The scores of `documents`, by one request.
    pub async fn rerank(&self, query: &str, documents: &[&str]) -> Result<Scored, PythonError> {
        let texts: Vec<&str> = std::iter::once(query).chain(documents.iter().copied()).collect();
        let (rows, tokens) = self.ask("rerank", "text", &texts, documents.len()).await?;
        let score = |row: Vec<f32>| match row[..] {
            [score] => Ok(f64::from(score)),
            _ => Err(PythonError::Shape(format!("{} numbers instead of a score", row.len()))),
        };
        let scores = rows.into_iter().map(score).collect::<Result<_, _>>()?;
        Ok(Scored { values: scores, tokens, model: None })
    }

    /// Requests `count` rows.
    async fn ask(
        &self,
        what: &str,
        role: &str,
        texts: &[&str],
        count: usize,
    ) -> Result<(Vec<Vec<f32>>, Option<u64>), PythonError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if bytes > wire::MOST_TEXT {
            return Err(PythonError::TooLarge { bytes, limit: wire::MOST_TEXT });
        }
        if let Some(death) = self.death() {
            return Err(death);
        }
        if count == 0 {
            return Ok((Vec::new(), Some(0)));
        }
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let question = Question { id, what, role, lengths: &lengths };
        let frame = wire::frame(&question, texts).map_err(|e| PythonError::System(e.to_string()))?;
        let (reply, answer) = oneshot::channel();
        if self.0.questions.send(QueuedRequest { id, frame, reply }).await.is_err() {
            return Err(self.wait_for_death().await);
        }
        let Ok(answer) = answer.await else { return Err(self.wait_for_death().await) };
        if let Some(reason) = answer.header.error {
            tracing::debug!("{}", answer.header.trace);
            return Err(PythonError::Failed(reason));
        }
        let counter = match answer.header.truncated {
            Some(_) => &self.0.truncated,
            None => &self.0.unreported,
        };
        counter.fetch_add(answer.header.truncated.unwrap_or(1), Ordering::Relaxed);
        let rows = wire::rows(&answer, count).map_err(PythonError::Shape)?;
        Ok((rows, answer.header.tokens))
    }

    /// Waits for the reason that the process, whose pipes are closed, has ended.
    async fn wait_for_death(&self) -> PythonError {
        let mut death = self.0.death.clone();
        // It fails if the runtime that attended to the process is gone.
        let died = death.wait_for(Option::is_some).await.ok().and_then(|death| death.clone());
        died.unwrap_or_else(|| PythonError::Died {
            status: "with the runtime it was started on".into(),
            stderr: vec![],
        })
    }
}

/// Writes requests until all senders are gone, or the process stops reading.
async fn send(mut stdin: ChildStdin, mut asked: mpsc::Receiver<QueuedRequest>, waiting: Arc<Waiting>) {
    while let Some(QueuedRequest { id, frame, reply }) = asked.recv().await {
        if !waiting.add(id, reply) || wire::write(&mut stdin, &frame).await.is_err() {
            break;
        }
    }
}

/// Receives the replies and observes the end of the process.
struct Supervisor {
    process: Process,
    stdout: ChildStdout,
    waiting: Arc<Waiting>,
    /// Longest without an answer while requests wait for one.
    limit: Duration,
}

enum End {
    /// All senders of requests are gone.
    Dropped,
    Overdue,
    NoFrame(NoFrame),
    /// A reply with an unexpected id.
    WrongId(u64),
}

impl Supervisor {
    async fn run(mut self, dropped: oneshot::Receiver<()>, dead: watch::Sender<Option<PythonError>>) {
        let end = self.attend(dropped).await;
        let Self { process, waiting, limit, .. } = self;
        let death = match end {
            End::Dropped => {
                process.kill().await;
                return;
            }
            End::Overdue => PythonError::Hung { after: limit, stderr: process.kill().await },
            End::NoFrame(NoFrame::Closed) => {
                let (status, stderr) = process.end().await;
                PythonError::Died { status, stderr }
            }
            End::NoFrame(NoFrame::Garbage(reason)) => {
                process.kill().await;
                PythonError::Garbage(reason)
            }
            End::WrongId(id) => {
                process.kill().await;
                PythonError::Garbage(format!("it answers request {id}, which is not the next one"))
            }
        };
        tracing::debug!("{death}");
        // First, so that callers without a reply find the reason.
        dead.send_replace(Some(death));
        waiting.close();
    }

    async fn attend(&mut self, mut dropped: oneshot::Receiver<()>) -> End {
        let mut tick = tokio::time::interval(TICK.min(self.limit / 4).max(Duration::from_millis(1)));
        loop {
            let next = wire::read::<Answer>(&mut self.stdout);
            tokio::pin!(next);
            let frame = loop {
                tokio::select! {
                    biased;
                    frame = &mut next => break frame,
                    _ = &mut dropped => return End::Dropped,
                    _ = tick.tick() => if self.waiting.overdue(self.limit) {
                        return End::Overdue;
                    },
                }
            };
            match frame {
                Ok(frame) => {
                    let id = frame.header.id;
                    let Some(reply) = self.waiting.take(id) else { return End::WrongId(id) };
                    // The caller may have given up.
                    let _ = reply.send(frame);
                }
                Err(reason) => return End::NoFrame(reason),
            }
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another request; `false` if no reply can come.
    fn add(&self, id: u64, reply: oneshot::Sender<Frame<Answer>>) -> bool {
        let mut queue = self.lock();
        if !queue.closed {
            queue.since.get_or_insert_with(Instant::now);
            queue.replies.push_back((id, reply));
        }
        !queue.closed
    }

    /// The caller that waits for the reply to `id`, if that reply is the next.
    fn take(&self, id: u64) -> Option<oneshot::Sender<Frame<Answer>>> {
        let mut queue = self.lock();
        queue.replies.front().filter(|(next, _)| *next == id)?;
        let (_, reply) = queue.replies.pop_front()?;
        queue.since = (!queue.replies.is_empty()).then(Instant::now);
        Some(reply)
    }

    fn overdue(&self, limit: Duration) -> bool {
        self.lock().since.is_some_and(|since| since.elapsed() > limit)
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.replies.clear();
    }
}
