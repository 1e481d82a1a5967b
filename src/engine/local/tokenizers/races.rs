//! Threads that meet at the end of a request.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc;

use super::*;

/// One thread has made the last item and is about to hand the results out; another, which found no item left, comes
/// between. It must not end the request with nothing.
#[test]
fn a_thread_without_an_item_ends_no_request() {
    let (sender, receiver) = mpsc::channel();
    let finish: Finish<usize> = Box::new(move |results| sender.send(results.map(|all| all.len()).ok()).unwrap());
    let items = OnceLock::new();
    let taken = Results { places: Vec::new(), missing: 0 };
    let opened = Opened { count: 2, each: Box::new(|i| i) };
    assert!(items.set(Items { opened, next: AtomicUsize::new(2), results: Mutex::new(taken) }).is_ok());
    let request =
        Request { cancel: Arc::default(), threads: 2, open: Mutex::default(), items, finish: Mutex::new(Some(finish)) };
    assert_eq!(request.work(), 0);
    assert!(receiver.try_recv().is_err());
    request.finish(Ok(vec![7, 8]));
    assert_eq!(receiver.try_recv(), Ok(Some(2)));
}

/// And one without any item ends all the same.
#[test]
fn a_request_without_items_ends() {
    let (sender, receiver) = mpsc::channel();
    let tokenizers = Tokenizers::new(2).unwrap();
    let each: Box<dyn Fn(usize) -> usize + Send + Sync> = Box::new(|i| i);
    let finish =
        move |results: Result<Vec<usize>, SubmitError>| sender.send(results.map(|all| all.len()).ok()).unwrap();
    tokenizers.start(Arc::default(), move || Ok(Opened { count: 0, each }), finish);
    assert_eq!(receiver.recv(), Ok(Some(0)));
}
