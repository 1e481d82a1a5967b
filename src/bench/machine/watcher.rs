//! The resources that engines take.
//!
//! Engines have turns, one at a time; each is watched during its own turns alone. Processor time and energy are counters:
//! they are read when a turn begins and when it ends. Memory is sampled then and by a thread of its own, ten times a
//! second: a peak between two samples can be missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::energy::Energy;
use super::gpus::Gpus;
use super::process_trees::ProcessTrees;
use super::processes::Processes;
use crate::bench::report::Resources;

/// Time between two samples of memory.
const PERIOD: Duration = Duration::from_millis(100);
/// Time between two reads of the list of processes, of GPUs, and of counters of energy, which wrap around.
const SLOW_PERIOD: Duration = Duration::from_secs(1);
/// The thread sleeps at least this many times as long as a sample took. Only trees of several processes take long: the
/// kernel walks the pages of each, about 12 ms a GiB.
const SLEEP_PER_SAMPLE: u32 = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootPids {
    /// This process, including the client that sends requests and reads replies.
    ThisProcess {
        /// The growth of this process in bytes while the engine was loaded; see [`RootPids::this_process`].
        loaded: Option<i64>,
    },
    /// These processes and all their descendants. Empty for an engine on another machine.
    Processes(Vec<u32>),
}

impl RootPids {
    /// An engine that was loaded into this process, whose [`resident_memory`] was `before`.
    pub(crate) fn this_process(before: Option<u64>) -> Self {
        let grown = |before: u64| Some(signed(resident_memory()?) - signed(before));
        Self::ThisProcess { loaded: before.and_then(grown) }
    }
}

/// The resources of an engine in one turn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Window {
    pub elapsed: Duration,
    pub cpu: Option<Duration>,
    /// Joules of the processor packages and GPUs of the whole machine.
    pub joules: Option<f64>,
}

/// The watcher of engines, which are known by their indices.
///
/// [`Watcher::began`] and [`Watcher::ended`] read a file of each process of the engine and list all processes, which takes
/// about a millisecond, and sample memory.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Signals that a turn has begun, or that the thread must stop.
    wake: Condvar,
    /// Not in `state`: a query takes some milliseconds.
    gpus: Option<Gpus>,
}

struct State {
    engines: Vec<Watched>,
    trees: ProcessTrees,
    energy: Energy,
    turn: Option<Turn>,
    stop: bool,
}

/// The current turn.
struct Turn {
    engine: usize,
    began: Instant,
    cpu: Option<Duration>,
    joules: Option<f64>,
    /// Memory of this process at its beginning.
    resident: Option<i64>,
}

struct Watched {
    roots: RootPids,
    peak_memory: Option<u64>,
    peak_gpu_memory: Option<u64>,
    elapsed: Duration,
    cpu: Option<Duration>,
}

/// Resident memory of this process in bytes; `None` if the system does not report it.
pub(crate) fn resident_memory() -> Option<u64> {
    Processes::new().read(std::process::id()).map(|process| process.resident)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Watcher {
    /// A watcher of engines that run already.
    pub(crate) fn new(roots: Vec<RootPids>) -> Self {
        let gpus = Gpus::find();
        let pids: Vec<&[u32]> =
            roots.iter().map(|r| if let RootPids::Processes(p) = r { &p[..] } else { &[] }).collect();
        let trees = ProcessTrees::new(Processes::new(), &pids);
        let energy = Energy::new(gpus.as_ref());
        let engine = |roots| Watched {
            roots,
            peak_memory: None,
            peak_gpu_memory: None,
            elapsed: Duration::ZERO,
            cpu: Some(Duration::ZERO),
        };
        let engines = roots.into_iter().map(engine).collect();
        let state = Mutex::new(State { engines, trees, energy, turn: None, stop: false });
        let shared = Arc::new(Shared { state, wake: Condvar::new(), gpus });
        let watching = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("infa-watcher".into()).spawn(move || watching.watch());
        if let Err(e) = &thread {
            tracing::warn!("memory is only sampled when rounds begin and end: no thread can be started: {e}");
        }
        Self { shared, thread: thread.ok() }
    }

    /// A turn of this engine begins.
    pub(crate) fn began(&self, engine: usize) {
        let mut state = self.shared.lock();
        state.trees.find_new();
        let here = state.engines.get(engine).is_some_and(|e| matches!(e.roots, RootPids::ThisProcess { .. }));
        let resident = if here { resident_memory().map(signed) } else { None };
        state.turn = Some(Turn { engine, began: Instant::now(), cpu: None, joules: None, resident });
        drop(state);
        self.shared.sample(&mut Processes::new());

        let mut state = self.shared.lock();
        let (cpu, joules) = (state.cpu_time(engine), state.energy.read(self.shared.gpus.as_ref()));
        if let Some(turn) = &mut state.turn {
            (turn.cpu, turn.joules, turn.began) = (cpu, joules, Instant::now());
        }
        drop(state);
        self.shared.wake.notify_all();
    }

    /// The last turn is over; `None` if there was none.
    pub(crate) fn ended(&self) -> Option<Window> {
        let ended = Instant::now();
        let mut state = self.shared.lock();
        let engine = state.turn.as_ref()?.engine;
        let joules = state.energy.read(self.shared.gpus.as_ref());
        state.trees.find_new();
        let cpu = state.cpu_time(engine);
        drop(state);
        self.shared.sample(&mut Processes::new());
        self.shared.sample_gpus();

        let mut state = self.shared.lock();
        let turn = state.turn.take()?;
        let elapsed = ended.saturating_duration_since(turn.began);
        let window = Window {
            elapsed,
            cpu: cpu.zip(turn.cpu).map(|(end, begin)| end.saturating_sub(begin)),
            joules: joules.zip(turn.joules).map(|(end, begin)| end - begin),
        };
        let engine = state.engines.get_mut(engine)?;
        engine.elapsed += elapsed;
        engine.cpu = engine.cpu.zip(window.cpu).map(|(sum, window)| sum + window);
        if let (RootPids::ThisProcess { loaded: Some(loaded) }, Some(begin)) = (&mut engine.roots, turn.resident) {
            *loaded += resident_memory().map_or(0, |end| signed(end) - begin);
        }
        Some(window)
    }

    /// The resources of this engine in all turns so far.
    pub(crate) fn resources(&self, engine: usize) -> Resources {
        let state = self.shared.lock();
        let Some(engine) = state.engines.get(engine) else { return Resources::default() };
        let seconds = engine.elapsed.as_secs_f64();
        Resources {
            // An engine that reuses memory that others have freed does not make this process grow: its memory is
            // unknown.
            peak_memory_bytes: engine.peak_memory.filter(|&bytes| bytes > 0),
            peak_gpu_memory_bytes: engine.peak_gpu_memory,
            cpu_cores: engine.cpu.filter(|_| seconds > 0.0).map(|cpu| cpu.as_secs_f64() / seconds),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    /// Processor time of an engine's processes since they began; `None` if it has none here.
    fn cpu_time(&mut self, engine: usize) -> Option<Duration> {
        match self.engines.get(engine)?.roots {
            RootPids::ThisProcess { .. } => Processes::new().read(std::process::id()).map(|process| process.own),
            RootPids::Processes(_) => self.trees.cpu_time(engine),
        }
    }

    fn pids(&self, engine: usize) -> Vec<u32> {
        match self.engines.get(engine).map(|engine| &engine.roots) {
            Some(RootPids::ThisProcess { .. }) => vec![std::process::id()],
            _ => self.trees.members(engine),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Samples the memory of the engine whose turn it is; without the lock, as it may take long.
    fn sample(&self, processes: &mut Processes) {
        let state = self.lock();
        let Some((engine, began)) = state.turn.as_ref().map(|turn| (turn.engine, turn.resident)) else { return };
        let pids = state.pids(engine);
        // Bytes of this process that are not the engine's; `None` if unknown.
        let others = match state.engines.get(engine).map(|engine| &engine.roots) {
            Some(RootPids::ThisProcess { loaded }) => began.zip(*loaded).map(|(began, loaded)| began - loaded),
            _ => Some(0),
        };
        drop(state);
        let memory = processes.memory(&pids).zip(others);
        let memory = memory.map(|(bytes, others)| u64::try_from(signed(bytes) - others).unwrap_or(0));
        let mut state = self.lock();
        let Some(engine) = state.engines.get_mut(engine) else { return };
        engine.peak_memory = engine.peak_memory.max(memory);
    }

    /// Samples the GPU memory of the engine whose turn it is.
    fn sample_gpus(&self) {
        let Some(gpus) = &self.gpus else { return };
        let state = self.lock();
        let Some(engine) = state.turn.as_ref().map(|turn| turn.engine) else { return };
        let pids = state.pids(engine);
        drop(state);
        let memory = gpus.memory();
        let memory = pids.iter().filter_map(|pid| memory.get(pid)).copied().reduce(|a, b| a + b);
        if let Some(engine) = self.lock().engines.get_mut(engine) {
            engine.peak_gpu_memory = engine.peak_gpu_memory.max(memory);
        }
    }

    /// Sleeps between turns; during one, samples memory.
    fn watch(&self) {
        let mut processes = Processes::new();
        let mut turn = None;
        let mut slow = Instant::now();
        loop {
            let mut state = self.lock();
            while state.turn.is_none() && !state.stop {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop {
                return;
            }
            let (now, first) = (Instant::now(), turn != state.turn.as_ref().map(|turn| turn.began));
            turn = state.turn.as_ref().map(|turn| turn.began);
            let slowly = first || now >= slow;
            if slowly {
                state.trees.find_new();
                let _ = state.energy.read(self.gpus.as_ref());
                slow = now + SLOW_PERIOD;
            }
            let engine = state.turn.as_ref().map(|turn| turn.engine);
            engine.and_then(|engine| state.trees.cpu_time(engine));
            drop(state);

            let begin = Instant::now();
            self.sample(&mut processes);
            let sleep = PERIOD.max(SLEEP_PER_SAMPLE * begin.elapsed());
            if slowly {
                self.sample_gpus();
            }
            let state = self.lock();
            if !state.stop && state.turn.as_ref().map(|turn| turn.began) == turn {
                drop(self.wake.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A shell that has done `work` and then waits; it ends with the test.
    struct Shell(Child);

    impl Shell {
        fn after(work: &str) -> Self {
            let script = format!("{work}; echo done; read line");
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
            Self(command.spawn().unwrap())
        }

        fn wait(&mut self) {
            let mut line = String::new();
            BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "done\n");
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Some tenths of a second of processor time, in a process of its own.
    const COUNT: &str = "(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done)";

    #[test]
    fn a_tree_is_watched_in_its_turns_alone() {
        let mut idle = Shell::after(":");
        let mut busy = Shell::after(&format!("read go; {COUNT}; {COUNT} & wait"));
        idle.wait();
        let places = [&idle, &busy].map(|shell| RootPids::Processes(vec![shell.0.id()]));
        let [first, second] = places;
        let watcher = Watcher::new(vec![first, RootPids::Processes(Vec::new()), second]);
        assert_eq!(watcher.ended(), None);
        assert_eq!(watcher.resources(0), Resources::default());

        watcher.began(0);
        let window = watcher.ended().unwrap();
        assert!(window.cpu.unwrap() < Duration::from_millis(100), "{window:?}");
        watcher.began(2);
        busy.0.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        busy.wait();
        let window = watcher.ended().unwrap();
        assert!(window.cpu.unwrap() > Duration::from_millis(20), "{window:?}");
        assert_eq!(watcher.ended(), None);
        watcher.began(1);
        let elsewhere = watcher.ended().unwrap();
        assert_eq!(elsewhere.cpu, None);

        let resources = [0, 1, 2].map(|place| watcher.resources(place));
        assert_eq!(resources[1], Resources::default());
        let cores = window.cpu.unwrap().as_secs_f64() / window.elapsed.as_secs_f64();
        assert_eq!(resources[2].cpu_cores, Some(cores));
        for place in [0, 2] {
            assert!(resources[place].peak_memory_bytes.unwrap() > 100_000, "{resources:?}");
        }
        assert_eq!(watcher.resources(9), Resources::default());
    }

    #[test]
    fn an_engine_that_dies_in_its_turn_keeps_what_it_took() {
        let mut shell = Shell::after("read go");
        let watcher = Watcher::new(vec![RootPids::Processes(vec![shell.0.id()])]);
        watcher.began(0);
        // On a busy machine the shell may not have its memory yet.
        while watcher.resources(0).peak_memory_bytes.is_none() {
            watcher.ended();
            watcher.began(0);
        }
        shell.0.kill().unwrap();
        shell.0.wait().unwrap();
        assert!(watcher.ended().is_some());
        watcher.began(0);
        assert!(watcher.ended().is_some());
        assert!(watcher.resources(0).peak_memory_bytes.unwrap() > 100_000);
    }

    #[test]
    fn what_this_process_grows_by_in_a_turn_is_the_engine_s() {
        let before = resident_memory();
        assert!(before.is_some());
        let roots = [Some(5_000_000), Some(-1), None].map(|loaded| RootPids::ThisProcess { loaded });
        let watcher = Watcher::new(roots.into());
        const BYTES: u64 = 128 << 20;
        watcher.began(0);
        let numbers = vec![1_u8; BYTES as usize];
        let window = watcher.ended().unwrap();
        assert!(window.cpu.unwrap() > Duration::ZERO);
        drop(std::hint::black_box(numbers));
        let peak = |place| watcher.resources(place).peak_memory_bytes;
        // Other tests of this process allocate and free memory at the same time, but less.
        assert!(peak(0).unwrap() > BYTES / 2, "{:?}", peak(0));
        // The growth of the other one does not count.
        watcher.began(1);
        watcher.ended();
        assert!(peak(1).unwrap_or(0) < BYTES / 2, "{:?}", peak(1));
        // Without the growth at loading the memory is unknown.
        watcher.began(2);
        watcher.ended();
        assert_eq!(peak(2), None);
        assert!(watcher.resources(2).cpu_cores.is_some());
    }
}
