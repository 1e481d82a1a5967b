//! The log of a server on a terminal.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::running::{PATIENCE, command, fixture};

/// A server whose stderr is a terminal; killed when dropped.
struct OnTerminal {
    child: Child,
    screen: Arc<Mutex<String>>,
}

impl OnTerminal {
    fn start(args: &[&str]) -> Self {
        let mut ends = [0; 2];
        // SAFETY: fills two descriptors and takes no other pointers but null.
        let made = unsafe {
            let [ours, theirs] = &mut ends;
            libc::openpty(ours, theirs, std::ptr::null_mut(), std::ptr::null(), std::ptr::null())
        };
        assert_eq!(made, 0);
        // SAFETY: the two descriptors were just made and belong to nobody else.
        let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        let mut command = command(args);
        let child = command.env("TERM", "xterm").env("NO_COLOR", "1").stdout(Stdio::null()).stderr(theirs).spawn();
        let screen = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let (mut ours, mut buffer) = (File::from(ours), [0; 4096]);
            // On Linux reading a terminal whose other end is closed is an error.
            while let Ok(n @ 1..) = ours.read(&mut buffer) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        Self { child: child.unwrap(), screen }
    }

    /// The rest of the first line on the screen that has `words`.
    fn line(&self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            let complete = screen.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = complete.map(str::trim_end).find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "never {words:?}: {screen}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Asks for a vector once the model is there.
    fn embed(&self) {
        let listening = self.line("Listening on ");
        let url = listening.split("Listening on ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        self.line("model ready");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let request = client.post(format!("{url}/v1/embeddings")).json(&serde_json::json!({"input": "a"}));
        assert_eq!(request.send().unwrap().status(), 200);
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_are_short() {
    let server = OnTerminal::start(&["-m", &fixture("bert-tiny")]);
    server.embed();
    let line = server.line("/v1/embeddings");
    let words: Vec<&str> = line.split(' ').collect();
    let [time, "200", "POST", "/v1/embeddings", ms, "ms"] = words[..] else { panic!("{line}") };
    assert!(time.len() == 8 && time.split(':').all(|part| part.parse::<u8>().is_ok()), "{line}");
    assert!(ms.parse::<f64>().is_ok(), "{line}");
    // What was measured stands once in its line.
    let measured = server.line("measured: ");
    assert!(measured.contains(" short texts/s (") && !measured.contains("_per_second"), "{measured}");
}

#[test]
fn full_lines_have_all_fields() {
    let server = OnTerminal::start(&["-m", &fixture("bert-tiny"), "--log-format", "full"]);
    server.embed();
    let line = server.line("/v1/embeddings");
    assert!(line.contains("status=200") && line.contains("id=") && line.contains("method=POST"), "{line}");
}
