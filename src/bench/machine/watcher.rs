//! What engines take while they are measured.
//!
//! Engines take turns; each is watched during its own turns alone. Processor time and energy are counters: they are read
//! when a turn begins and when it ends. Memory is looked at then and, by a thread of its own, some times a second: a peak
//! between two looks can be missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::energy::Energy;
use super::forest::Forest;
use super::gpus::Gpus;
use super::processes::{Processes, Sharing};
use crate::bench::report::Resources;

/// How often memory is looked at.
const PERIOD: Duration = Duration::from_millis(100);
/// How often new processes, GPUs and counters that go round are looked at.
const SLOW_PERIOD: Duration = Duration::from_secs(1);

/// How many times as long as it took to find out what processes share nothing of that is done. It has to be done when
/// processes come or memory grows, which does not go on for long.
const REST: u32 = 20;

/// Where an engine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// In this process, with whatever else it does: asking, and reading answers.
    ThisProcess {
        /// Bytes by which loading the engine has made this process grow; see [`Roots::this_process`].
        loaded: Option<i64>,
    },
    /// In these processes, by their numbers, and all that they have started or will start.
    Processes(Vec<u32>),
}

impl Roots {
    /// An engine that has been loaded into this process since its [`resident_memory`] was `before`.
    pub fn this_process(before: Option<u64>) -> Self {
        let grown = |before: u64| Some(signed(resident_memory()?) - signed(before));
        Self::ThisProcess { loaded: before.and_then(grown) }
    }
}

/// What an engine took in one turn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Window {
    /// Length of the turn.
    pub elapsed: Duration,
    /// Processor time of its processes.
    pub cpu: Option<Duration>,
    /// Joules of the whole machine: see [`Watcher::energy_sources`].
    pub joules: Option<f64>,
}

/// Watches engines, known by their places in a list.
///
/// [`Watcher::began`] and [`Watcher::ended`] take as long as it takes to read a file of each process of the engine and to
/// list all processes: about a millisecond.
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// A turn has begun, or it is time to stop.
    wake: Condvar,
    /// Not in `state`: asking takes some milliseconds.
    gpus: Option<Gpus>,
}

struct State {
    places: Vec<Place>,
    forest: Forest,
    energy: Energy,
    /// The engine whose turn is, or was the last one.
    place: usize,
    turn: Option<Turn>,
    /// How many turns there have been: tells one from the next.
    turns: u64,
    stop: bool,
}

struct Turn {
    began: Instant,
    cpu: Option<Duration>,
    joules: Option<f64>,
    /// Memory of this process when it began.
    resident: Option<i64>,
}

/// An engine.
struct Place {
    roots: Roots,
    peak_memory: Option<u64>,
    peak_gpu_memory: Option<u64>,
    elapsed: Duration,
    cpu: Option<Duration>,
}

/// Bytes of this process that are in RAM; `None` where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    Processes::new().read(std::process::id()).map(|process| process.resident)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Watcher {
    /// Over engines that run already, in the order of their places.
    pub fn new(roots: Vec<Roots>) -> Self {
        let gpus = Gpus::find();
        let pids: Vec<&[u32]> = roots.iter().map(|r| if let Roots::Processes(p) = r { &p[..] } else { &[] }).collect();
        let forest = Forest::new(Processes::new(), &pids);
        let energy = Energy::new(gpus.as_ref());
        let place = |roots| Place {
            roots,
            peak_memory: None,
            peak_gpu_memory: None,
            elapsed: Duration::ZERO,
            cpu: Some(Duration::ZERO),
        };
        let places = roots.into_iter().map(place).collect();
        let state = State { places, forest, energy, place: 0, turn: None, turns: 0, stop: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new(), gpus });
        let watching = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("infa-watcher".into()).spawn(move || watching.watch());
        if let Err(e) = &thread {
            tracing::warn!("memory is only looked at when rounds begin and end: no thread can be started: {e}");
        }
        Self { shared, thread: thread.ok() }
    }

    /// A turn of the engine at `place` begins.
    pub fn began(&self, place: usize) {
        let mut state = self.shared.lock();
        state.forest.look_around();
        let resident = state.resident_here(place);
        state.turn = Some(Turn { began: Instant::now(), cpu: None, joules: None, resident });
        (state.place, state.turns) = (place, state.turns + 1);
        let cpu = state.look(place);
        let joules = state.energy.read(self.shared.gpus.as_ref());
        if let Some(turn) = &mut state.turn {
            (turn.cpu, turn.joules, turn.began) = (cpu, joules, Instant::now());
        }
        drop(state);
        self.shared.wake.notify_all();
    }

    /// The turn that began last is over; `None` if there was none.
    pub fn ended(&self) -> Option<Window> {
        let mut state = self.shared.lock();
        let ended = Instant::now();
        let began = state.turn.as_ref()?.began;
        let place = state.place;
        let joules = state.energy.read(self.shared.gpus.as_ref());
        state.forest.look_around();
        let cpu = state.look(place);
        let resident = state.resident_here(place);
        let turn = state.turn.take()?;
        let elapsed = ended.duration_since(began);
        let window = Window {
            elapsed,
            cpu: cpu.zip(turn.cpu).map(|(end, begin)| end.saturating_sub(begin)),
            joules: joules.zip(turn.joules).map(|(end, begin)| end - begin),
        };
        let place = state.places.get_mut(place)?;
        place.elapsed += elapsed;
        place.cpu = place.cpu.zip(window.cpu).map(|(sum, window)| sum + window);
        if let (Roots::ThisProcess { loaded: Some(loaded) }, Some(begin), Some(end)) =
            (&mut place.roots, turn.resident, resident)
        {
            *loaded += end - begin;
        }
        Some(window)
    }

    /// What the engine at `place` took in all its turns so far.
    pub fn resources(&self, place: usize) -> Resources {
        let mut state = self.shared.lock();
        let had_turns = state.places.get(place).is_some_and(|place| place.elapsed > Duration::ZERO);
        if had_turns && state.forest.is_outdated(place) {
            // Turns were so short that the thread did not come to it.
            let pids = state.pids(place);
            let sharing = sharing_of(&mut Processes::new(), &pids);
            state.forest.correct(place, pids, &sharing);
            state.look(place);
        }
        let Some(place) = state.places.get(place) else { return Resources::default() };
        let seconds = place.elapsed.as_secs_f64();
        Resources {
            // Who was given what others had freed has not made this process grow: what it takes is not known.
            peak_memory_bytes: place.peak_memory.filter(|&bytes| bytes > 0),
            peak_gpu_memory_bytes: place.peak_gpu_memory,
            cpu_cores: place.cpu.filter(|_| seconds > 0.0).map(|cpu| cpu.as_secs_f64() / seconds),
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
    /// Looks at the memory of an engine, and returns its processor time so far.
    fn look(&mut self, place: usize) -> Option<Duration> {
        let (memory, time) = match &self.places.get(place)?.roots {
            Roots::Processes(_) => {
                let reading = self.forest.read(place)?;
                (reading.memory, reading.time)
            }
            &Roots::ThisProcess { loaded } => {
                let process = self.forest.one(std::process::id())?;
                let began = self.turn.as_ref().and_then(|turn| turn.resident);
                let grown = began.zip(loaded).map(|(began, loaded)| loaded + signed(process.resident) - began);
                (grown.map(|bytes| u64::try_from(bytes).unwrap_or(0)), process.own)
            }
        };
        let place = self.places.get_mut(place)?;
        place.peak_memory = place.peak_memory.max(memory);
        Some(time)
    }

    /// Memory of this process, if the engine is in it.
    fn resident_here(&mut self, place: usize) -> Option<i64> {
        let here = matches!(self.places.get(place)?.roots, Roots::ThisProcess { .. });
        here.then(|| self.forest.one(std::process::id()).map(|process| signed(process.resident)))?
    }

    /// Numbers of the processes of an engine.
    fn pids(&self, place: usize) -> Vec<u32> {
        match self.places.get(place).map(|place| &place.roots) {
            Some(Roots::ThisProcess { .. }) => vec![std::process::id()],
            Some(Roots::Processes(_)) => self.forest.members(place),
            None => Vec::new(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps between turns; during one, looks at what the engine takes.
    fn watch(&self) {
        let mut processes = Processes::new();
        let (mut seen, mut slow, mut rest) = (0, Instant::now(), Instant::now());
        let mut state = self.lock();
        while !state.stop {
            let first = seen != state.turns;
            if state.turn.is_none() && !first {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            seen = state.turns;
            let place = state.place;
            let now = Instant::now();
            let slowly = first || now >= slow;
            if slowly {
                state.forest.look_around();
                let _ = state.energy.read(self.gpus.as_ref());
                slow = now + SLOW_PERIOD;
            }
            state.look(place);
            let correct = state.forest.is_outdated(place) && now >= rest;
            let pids = if correct || slowly { state.pids(place) } else { Vec::new() };
            drop(state);

            let sharing = correct.then(|| sharing_of(&mut processes, &pids));
            if correct {
                let done = Instant::now();
                rest = done + REST * done.duration_since(now);
            }
            let gpu_memory = self.gpus.as_ref().filter(|_| slowly).and_then(|gpus| on_gpus(gpus, &pids));

            state = self.lock();
            if let Some(sharing) = sharing {
                state.forest.correct(place, pids, &sharing);
                state.look(place);
            }
            if let Some(place) = state.places.get_mut(place) {
                place.peak_gpu_memory = place.peak_gpu_memory.max(gpu_memory);
            }
            if !state.stop && state.turns == seen {
                state = self.wake.wait_timeout(state, PERIOD).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

/// What processes share; nothing where that is not known of each.
fn sharing_of(processes: &mut Processes, pids: &[u32]) -> Vec<Sharing> {
    pids.iter().map(|&pid| processes.sharing(pid)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Bytes that processes have on GPUs; `None` if they are not known there.
fn on_gpus(gpus: &Gpus, pids: &[u32]) -> Option<u64> {
    let memory = gpus.memory();
    pids.iter().filter_map(|pid| memory.get(pid)).copied().reduce(|a, b| a + b)
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

    /// Some tenths of a second of a processor's time, in a process of its own.
    const COUNT: &str = "(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done)";

    #[test]
    fn a_tree_is_watched_in_its_turns_alone() {
        let mut idle = Shell::after(":");
        let mut busy = Shell::after(&format!("read go; {COUNT}; {COUNT} & wait"));
        idle.wait();
        let places = [&idle, &busy].map(|shell| Roots::Processes(vec![shell.0.id()]));
        let [first, second] = places;
        let watcher = Watcher::new(vec![first, Roots::Processes(Vec::new()), second]);
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
        let watcher = Watcher::new(vec![Roots::Processes(vec![shell.0.id()])]);
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
        let roots = [Some(5_000_000), Some(-1), None].map(|loaded| Roots::ThisProcess { loaded });
        let watcher = Watcher::new(roots.into());
        const BYTES: u64 = 128 << 20;
        watcher.began(0);
        let numbers = vec![1_u8; BYTES as usize];
        let window = watcher.ended().unwrap();
        assert!(window.cpu.unwrap() > Duration::ZERO);
        drop(std::hint::black_box(numbers));
        let peak = |place| watcher.resources(place).peak_memory_bytes;
        // Other tests of this process take and give back memory at the same time, but not that much.
        assert!(peak(0).unwrap() > BYTES / 2, "{:?}", peak(0));
        // Not of the other one's growth.
        watcher.began(1);
        watcher.ended();
        assert!(peak(1).unwrap_or(0) < BYTES / 2, "{:?}", peak(1));
        // Where it is not known how much loading took, it is not known how much it has.
        watcher.began(2);
        watcher.ended();
        assert_eq!(peak(2), None);
        assert!(watcher.resources(2).cpu_cores.is_some());
    }
}
