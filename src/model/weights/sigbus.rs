//! A file that is shortened while it is mapped does not end the process.
//!
//! Reading a mapped page beyond the end of its file raises SIGBUS, and that cannot be avoided by looking at the file's
//! size first: a worker may be in the middle of its weights when another program cuts the file. Where the page belongs
//! to a file of weights, the handler puts zeros in place of the rest of the mapping and marks it as lost, so that the
//! thread goes on and its results are thrown away. journald treats its files in the same way. Any other fault is
//! handled as if this handler were not there. A SIGBUS that was sent (kill, raise) is about no address and ends the
//! process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Most mappings that are looked after at a time; models in a thousand files are not known.
const MAX_MAPPINGS: usize = 1024;

/// A mapping: its first address and the one past its last, both 0 where the place is free.
struct Place {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    lost: AtomicBool,
}

static MAPPINGS: [Place; MAX_MAPPINGS] = [const {
    Place {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
    }
}; MAX_MAPPINGS];

static INSTALLED: OnceLock<Previous> = OnceLock::new();

/// The handler that was there before, and what ours needs.
struct Previous {
    action: libc::sigaction,
    page: usize,
}

/// Looks after a mapping until it is dropped, which must be before the mapping is.
pub(super) struct Guard(Option<&'static Place>);

impl Guard {
    /// Looks after these mapped bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        if bytes.is_empty() || !install() {
            return Self(None);
        }
        let free =
            |place: &&Place| place.taken.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        let place = MAPPINGS.iter().find(free);
        if let Some(place) = place {
            let start = bytes.as_ptr() as usize;
            place.lost.store(false, Ordering::SeqCst);
            // In this order, so that the range is never another one than the mapping's: an end of 0 makes it empty.
            place.start.store(start, Ordering::SeqCst);
            place.end.store(start + bytes.len(), Ordering::SeqCst);
        }
        Self(place)
    }

    /// True if bytes of the mapping could not be read and are zeros now.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.is_some_and(|place| place.lost.load(Ordering::SeqCst))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.end.store(0, Ordering::SeqCst);
            place.start.store(0, Ordering::SeqCst);
            place.taken.store(false, Ordering::SeqCst);
        }
    }
}

/// Installs the handler, once; whether it is there.
fn install() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        // SAFETY: sysconf only takes a number; both structs are plain data, for which zeros are a value, and live until
        // the calls return. The old handler is kept before ours can run.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(0);
            if page == 0 || libc::sigaction(libc::SIGBUS, std::ptr::null(), &mut action) != 0 {
                return false;
            }
            let _ = INSTALLED.set(Previous { action, page });
            let mut ours: libc::sigaction = std::mem::zeroed();
            ours.sa_sigaction = handle as *const () as usize;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut ours.sa_mask);
            libc::sigaction(libc::SIGBUS, &ours, std::ptr::null_mut()) == 0
        }
    })
}

/// The signal handler. It may interrupt any code, so it takes no lock, allocates nothing, and keeps errno.
extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(Previous { action, page }) = INSTALLED.get() else { return };
    // SAFETY: the system hands over a valid siginfo to a handler installed with SA_SIGINFO, and every signal has a
    // code.
    let code = unsafe { (*info).si_code };
    if was_sent(code) {
        // Ignored where it was ignored before.
        if action.sa_sigaction != libc::SIG_IGN {
            end_by_default(signal);
        }
        return;
    }
    // SAFETY: as above; faults have an address, where signals that were sent have the sender.
    let address = unsafe { (*info).si_addr() } as usize;
    let within = |place: &&Place| {
        let (start, end) = (place.start.load(Ordering::SeqCst), place.end.load(Ordering::SeqCst));
        (start..end).contains(&address)
    };
    if let Some(place) = MAPPINGS.iter().find(within) {
        let first = address / page * page;
        let length = place.end.load(Ordering::SeqCst) - first;
        // SAFETY: errno belongs to this thread. The pages from `first` to the end of the mapping are this process's own
        // read-only mapping, which exists as long as its `Guard`; they are replaced in one step by others that read as
        // zeros, at the same addresses. mmap is a plain system call.
        let replaced = unsafe {
            let errno = errno();
            let before = *errno;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            let new = libc::mmap(first as *mut libc::c_void, length, libc::PROT_READ, flags, -1, 0);
            *errno = before;
            new != libc::MAP_FAILED
        };
        if replaced {
            place.lost.store(true, Ordering::SeqCst);
            return;
        }
    }
    // SAFETY: the previous handler is called as it would have been; without one the default is restored, and the failed
    // instruction fails again and ends the process.
    unsafe {
        match action.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::sigaction(libc::SIGBUS, action, std::ptr::null_mut());
            }
            handler if action.sa_flags & libc::SA_SIGINFO != 0 => {
                type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                std::mem::transmute::<usize, Handler>(handler)(signal, info, context);
            }
            handler => std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal),
        }
    }
}

/// True if a process sent the signal, by its `si_code`: at most 0 on Linux, at least 0x10001 (`SI_USER`) on macOS and
/// the BSDs. The codes of faults (`BUS_ADRERR`, `SI_KERNEL` ...) lie between.
fn was_sent(code: libc::c_int) -> bool {
    code <= 0 || code >= 0x1_0001
}

/// Ends the process as a signal without a handler does. The earlier handler is not called: that of Rust's library
/// restores the default and returns, for it expects the fault to come again. So the process would live on without this
/// handler.
fn end_by_default(signal: libc::c_int) {
    // SAFETY: all of these may be called in a handler (POSIX lists them as async-signal-safe). The structs are plain
    // data, for which zeros are a value, and live until the calls return. errno belongs to this thread.
    unsafe {
        let errno = errno();
        let before = *errno;
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigemptyset(&mut default.sa_mask);
        let mut ours: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, &default, &mut ours) == 0 {
            // The signal is blocked while its handler runs.
            let (mut only, mut mask): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigemptyset(&mut only);
            libc::sigaddset(&mut only, signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, &mut mask);
            libc::raise(signal);
            // Process 1 of a container does not end by a signal of its own. It lives on, and keeps the handler.
            libc::pthread_sigmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut());
            libc::sigaction(signal, &ours, std::ptr::null_mut());
        }
        *errno = before;
    }
}

/// The address of this thread's errno.
unsafe fn errno() -> *mut libc::c_int {
    #[cfg(target_os = "linux")]
    // SAFETY: has no arguments; the address is valid as long as the thread.
    unsafe {
        libc::__errno_location()
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    unsafe {
        libc::__error()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use memmap2::Mmap;

    use super::*;

    const SIZE: usize = 200_000;

    fn mapped() -> (std::fs::File, Mmap) {
        let file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &file, &vec![7; SIZE]).unwrap();
        // SAFETY: the file belongs to this test, which changes it on purpose.
        let map = unsafe { Mmap::map(&file) }.unwrap();
        (file, map)
    }

    fn sum(bytes: &[u8]) -> u64 {
        std::hint::black_box(bytes).iter().map(|&byte| u64::from(byte)).sum()
    }

    #[test]
    fn bytes_beyond_the_new_end_are_zeros() {
        let (file, map) = mapped();
        let guard = Guard::new(&map);
        assert_eq!((sum(&map), guard.is_lost()), (7 * SIZE as u64, false));
        file.set_len(10).unwrap();
        assert_eq!(&map[..10], [7; 10]);
        assert_eq!((sum(&map[100_000..]), guard.is_lost()), (0, true));
        // Also those before the first that was read.
        assert_eq!(sum(&map[10..]), 0);
        drop(guard);
        // The place is free for the next, which is not lost.
        let (_file, map) = mapped();
        assert!(!Guard::new(&map).is_lost());
    }

    #[test]
    fn many_threads_may_meet_the_end_at_once() {
        let (file, map) = mapped();
        let guard = Guard::new(&map);
        file.set_len(0).unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| sum(&map))).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 0));
        });
        assert!(guard.is_lost());
    }

    #[test]
    fn other_faults_end_the_process_as_before() {
        let (_kept, ours) = mapped();
        let _guard = Guard::new(&ours);
        let (file, theirs) = mapped();
        file.set_len(0).unwrap();
        // SAFETY: the child only reads memory.
        assert!(ends_by_sigbus(|| unsafe { _ = std::ptr::read_volatile(&theirs[SIZE - 1]) }));
    }

    /// True if a child that runs `work` ends by SIGBUS. `work` must be async-signal-safe: the child is a fork of a
    /// process with several threads.
    fn ends_by_sigbus(work: impl Fn()) -> bool {
        // SAFETY: the child works and ends without running anything else; the parent waits for it.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                work();
                libc::_exit(0);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            status
        };
        libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGBUS
    }

    #[test]
    fn signals_that_were_sent_end_the_process() {
        let (_file, map) = mapped();
        let guard = Guard::new(&map);
        // SAFETY: neither touches memory.
        assert!(ends_by_sigbus(|| unsafe { _ = libc::raise(libc::SIGBUS) }));
        // SAFETY: as above.
        assert!(ends_by_sigbus(|| unsafe { _ = libc::kill(libc::getpid(), libc::SIGBUS) }));
        assert!(!guard.is_lost() && !ends_by_sigbus(|| ()));
    }

    #[test]
    fn the_sender_of_a_signal_is_no_address() {
        let (_file, map) = mapped();
        let guard = Guard::new(&map);
        let place = guard.0.unwrap();
        // On 64 bits the process and user of a sender lie at the address field of a fault: this range includes them.
        // SAFETY: only the child's copy of the place is changed, and nothing is mapped there.
        let sender_in_range = || unsafe {
            place.start.store(1, Ordering::SeqCst);
            place.end.store(usize::MAX, Ordering::SeqCst);
            libc::raise(libc::SIGBUS);
        };
        assert!(ends_by_sigbus(sender_in_range));
        #[cfg(target_os = "linux")]
        assert!(was_sent(libc::SI_USER) && was_sent(libc::SI_QUEUE) && !was_sent(libc::BUS_ADRERR));
    }
}
