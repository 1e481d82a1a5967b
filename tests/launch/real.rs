//! `infa serve`, started as any other server: its vectors are those of this process.

use infa::parts::engine::launch::{Command, Launch, LaunchError, default_command};
use infa::parts::engine::remote::{Client, RemoteOptions, RemoteTask};
use infa::parts::engine::{EngineKind, Role, TextOptions};

use crate::fake::{PATIENCE, runtime, start};
use crate::support::{self, Blocking};

const TEXTS: [&str; 3] = ["what do cats eat", "", "über 猫"];

fn infa(words: &str) -> Launch {
    // The default command, for the program under test instead of this one.
    let command = default_command(EngineKind::Infa, &[]).unwrap().to_string();
    let (_, arguments) = command.split_once(" serve ").unwrap();
    let arguments = arguments.replace('\'', "");
    let command = format!("'{}' serve {arguments}", env!("CARGO_BIN_EXE_infa"));
    let spec = format!("infa{words}").parse().unwrap();
    let mut launch = Launch::new(spec, Command::parse(&command).unwrap(), &support::fixture("bert-tiny"));
    let library = support::library().display().to_string();
    // INFA_ENGINE is for whoever starts it.
    let variables =
        [("ORT_DYLIB_PATH", library.as_str()), ("INFA_ENGINE", "tei=http://127.0.0.1:9"), ("INFA_API_KEY", "")];
    launch.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    launch.threads = 1.try_into().unwrap();
    launch.startup_timeout = PATIENCE;
    launch
}

#[test]
fn vectors_are_those_of_this_process() {
    let expected = support::engine(support::fixture("bert-tiny"), &support::text_options()).embed(&TEXTS, Role::Text);
    let expected: Vec<Vec<f32>> = expected.into_iter().map(|result| result.unwrap().vector).collect();
    for words in ["", ":float32"] {
        let server = start(&infa(words)).unwrap();
        let runtime = runtime();
        let embedded = runtime.block_on(async {
            let (text, options) = (TextOptions::default(), RemoteOptions::default());
            let client =
                Client::connect(server.spec(), RemoteTask::Vectors(Role::Text), &text, &options).await.unwrap();
            assert_eq!(client.model(), Some("bert-tiny"));
            client.embed(&TEXTS, Role::Text).await.unwrap()
        });
        assert_eq!(embedded.values, expected);
        assert!(server.command().contains("--engine onnx"), "{}", server.command());
        assert_eq!(server.command().contains("--dtype float32"), !words.is_empty());
        assert!(runtime.block_on(server.stop()));
    }
}

#[test]
fn a_model_that_cannot_be_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let mut launch = infa("");
    launch.model_dir = dir.path().to_owned();
    let error = start(&launch).map(|_| ()).unwrap_err();
    let LaunchError::Ended { status, lines, .. } = &error else { panic!("{error:?}") };
    assert_eq!(status, "exit status: 3");
    assert!(lines.0.iter().any(|line| line.contains("holds no model")), "{error}");
}
