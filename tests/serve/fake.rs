//! A server in this process whose engine follows instructions in its texts, so that tests decide when a request is
//! done.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use infa::parts::engine::{
    Completed, Engine, EngineInfo, Input, LocalInfo, Output, OutputKind, Pending, Request, SubmitError,
};
use infa::parts::fetch::Context;
use infa::parts::model::Model;
use infa::parts::model::cache::HubEnv;
use infa::parts::server::models::{ModelSpec, Models};
use infa::parts::server::{
    self, App, Bound, Drained, EmbeddingDtype, Limits, Listen, Metrics, ServeError, ServerOptions,
};
use tokio::sync::oneshot;

use crate::support;

/// Nothing takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a condition that will become true.
pub(crate) fn eventually(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A vector of a text is its length in bytes and 1. The text "hold" has none until [`Fake::release`], "panic" panics,
/// "full" finds the queue full.
pub(crate) struct Fake {
    info: EngineInfo,
    held: Mutex<Vec<(Reply, usize)>>,
    dropped: Arc<AtomicUsize>,
}

type Reply = oneshot::Sender<Result<Completed, SubmitError>>;

/// Counts abandoned calls.
struct OnDrop(Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        let dir = support::fixture("bert-tiny");
        let source = support::request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
        let local = LocalInfo {
            model: Arc::new(Model::read(source).unwrap()),
            library: None,
            dir: None,
            max_length: 512,
            pooling: Vec::new(),
            normalize: false,
            prompt: None,
            dtype: infa::parts::runtime::device::Dtype::Float32,
            kernels: "builtin",
            batch_tokens: 512,
            truncate: infa::parts::model::tokenizer::Truncate::Right,
            threads: 1,
        };
        let info = EngineInfo {
            model: "fake".into(),
            output: OutputKind::Embedding,
            dimensions: Some(2),
            scoring: None,
            local: Some(Arc::new(local)),
        };
        Arc::new(Self { info, held: Mutex::default(), dropped: Arc::default() })
    }

    /// Calls that are held, including abandoned ones.
    pub(crate) fn held(&self) -> usize {
        self.held.lock().unwrap().len()
    }

    /// Calls that are over: completed or abandoned.
    pub(crate) fn over(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Completes the held calls.
    pub(crate) fn release(&self) {
        for (sender, texts) in self.held.lock().unwrap().drain(..) {
            let _ = sender.send(Ok(computed(&vec!["hold"; texts])));
        }
    }
}

fn computed(texts: &[&str]) -> Completed {
    let embed = |text: &&str| {
        let embedding = Some(vec![text.len() as f32, 1.0]);
        Ok(Output { embedding, tokens: Some(1), truncated: Some(false), ..Output::default() })
    };
    Completed { results: texts.iter().map(embed).collect(), ..Completed::default() }
}

impl Engine for Fake {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, request: Request) -> Result<Pending<Completed>, SubmitError> {
        if !request.outputs.contains(OutputKind::Embedding) {
            return Err(SubmitError::Unsupported("the fake engine only embeds".into()));
        }
        let text = |input: &Input| match input {
            Input::Text(text) => text.clone(),
            Input::Ids(ids) => "x".repeat(ids.len()),
            Input::Pair(..) => panic!("pairs have no vectors"),
        };
        let texts: Vec<String> = request.inputs.iter().map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if texts.contains(&"panic") {
            panic!("the text says so");
        }
        if texts.contains(&"full") {
            return Err(SubmitError::Full { retry_after: Duration::from_secs(7) });
        }
        let (sender, receiver) = oneshot::channel();
        if texts.contains(&"hold") {
            self.held.lock().unwrap().push((sender, texts.len()));
        } else {
            let _ = sender.send(Ok(computed(&texts)));
        }
        Ok(Pending::arriving(receiver, Box::new(OnDrop(Arc::clone(&self.dropped)))))
    }

    fn in_flight(&self) -> usize {
        1
    }
}

/// A server in a thread of this process; shut down on drop.
pub(crate) struct InProcess {
    pub app: Arc<App>,
    pub engine: Arc<Fake>,
    pub bound: Bound,
    pub client: reqwest::blocking::Client,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<Drained, ServeError>>>,
}

/// A free port of this machine.
pub(crate) fn tcp() -> Listen {
    Listen::Tcp { host: "127.0.0.1".into(), port: 0, tls: None }
}

impl InProcess {
    pub(crate) fn start(options: ServerOptions) -> Self {
        Self::with(Limits::default(), options, tcp())
    }

    pub(crate) fn with(limits: Limits, options: ServerOptions, listen: Listen) -> Self {
        Self::try_with(limits, options, listen).unwrap()
    }

    pub(crate) fn try_with(limits: Limits, options: ServerOptions, listen: Listen) -> Result<Self, ServeError> {
        let engine = Fake::new();
        let loaded = Arc::clone(&engine);
        let load = move |_: server::models::Choose<'_>| Ok(Arc::clone(&loaded) as Arc<dyn Engine>);
        let metrics = Metrics::new().unwrap();
        let spec = ModelSpec {
            name: "fake".into(),
            aliases: Vec::new(),
            model_id: "fake".into(),
            embedding_dtype: EmbeddingDtype::Float32,
            warm_up: false,
            load: Arc::new(load),
            metrics: metrics.model("fake"),
        };
        let app = App::new(Models::new(vec![spec]), limits, metrics, None);
        app.models.all()[0].load().unwrap();
        let (reported, bound) = mpsc::channel();
        let (shutdown, asked) = oneshot::channel::<()>();
        let served = Arc::clone(&app);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let tell = move |bound: &Bound| reported.send(bound.clone()).unwrap();
            runtime.block_on(server::serve(served, listen, options, tell, async move { drop(asked.await) }))
        });
        let Ok(bound) = bound.recv_timeout(PATIENCE) else { return Err(thread.join().unwrap().unwrap_err()) };
        // A second provider, as in the next test of this process, is refused and not needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Ok(Self { app, engine, bound, client, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> String {
        match &self.bound {
            Bound::Tcp { address, .. } => address.to_string(),
            Bound::Unix(path) => panic!("no port: {}", path.display()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match &self.bound {
            Bound::Unix(path) => path,
            Bound::Tcp { address, .. } => panic!("no path: {address}"),
        }
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::blocking::RequestBuilder {
        self.client.get(format!("http://{}{path}", self.address()))
    }

    /// Requests the vector of `text`.
    pub(crate) fn embed(&self, text: &str) -> reqwest::blocking::RequestBuilder {
        let url = format!("http://{}/v1/embeddings", self.address());
        self.client.post(url).json(&serde_json::json!({"input": [text], "model": "fake"}))
    }

    /// Begins its shutdown, without waiting for it.
    pub(crate) fn stop(&mut self) {
        drop(self.shutdown.take());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Drained {
        self.stop();
        self.thread.take().unwrap().join().unwrap().unwrap()
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop();
        self.engine.release();
    }
}
