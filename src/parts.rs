//! The parts of the library that the tests and benchmarks of this package use, under the paths they have inside.
//!
//! The interface of infa is its command line and its HTTP API: the library has no stable one.

pub mod batch {
    pub mod queue {
        pub use crate::batch::grouping::Grouping;
        pub use crate::batch::queue::{Queue, Task};
    }
}
pub mod bench {
    pub mod dataset {
        pub use crate::bench::dataset::{Dataset, DatasetSpec, LengthHistogram};
    }
    pub mod machine {
        pub use crate::bench::machine::{facts, gemm_gflops};
    }
    pub mod report {
        pub use crate::bench::report::{CurveKind, EngineReport, EngineState, Report, parse};
    }
}
pub mod cli {
    pub use crate::cli::Cli;
}
pub mod engine {
    pub use crate::engine::{
        Checked, Completed, Embedding, Engine, EngineError, EngineInfo, EngineKind, Input, LocalInfo, OnnxEngine,
        OnnxOptions, Output, OutputKind, OutputOf, Pending, PythonEngine, PythonError, PythonOptions, Request,
        RequestOptions, Role, SparseEmbedding, StaticEngine, SubmitError, TextError, TextOptions, TokenEmbeddings,
    };
    pub mod int8 {
        pub use crate::engine::int8::{Int8Options, for_file};
    }
    pub mod launch {
        pub use crate::engine::launch::{Command, Launch, LaunchError, Server, default_command};
    }
    pub mod python {
        pub use crate::engine::python::{PythonOptions, PythonTask, Worker};
    }
    pub mod remote {
        pub use crate::engine::remote::{Client, RemoteOptions, RemoteTask};
    }
    pub mod rerank {
        pub use crate::engine::rerank::{Method, Pairs, Reranker, Score, ScoreError};
    }
}
pub mod fetch {
    pub use crate::fetch::{Cancel, Context, Download, FetchError, Http, Limits, Progress, ProgressTask};
}
pub mod graph {
    pub use crate::graph::{
        ATTENTION_MASK, Answer, Feed, Graph, INPUT_IDS, LENGTHS, Layout, Lexical, Operators, Output, POSITION_IDS,
        Precision, Request, Rows, TOKEN_TYPE_IDS, build, supported,
    };
    pub mod export {
        pub use crate::graph::export::{MOST_INSIDE, export};
    }
}
pub mod kernels {
    pub use crate::kernels::{NAMES, Set};
}
pub mod input {
    pub use crate::input::{Options, Text, open, open_queries};
}
pub mod model {
    pub use crate::model::{DEFAULT_MODEL, Model, ModelError, Setting, SettingError};
    pub mod activation {
        pub use crate::model::activation::Activation;
    }
    pub mod cache {
        pub use crate::model::cache::{HubEnv, is_known_absent};
    }
    pub mod generative {
        pub use crate::model::generative::{AnswerTokens, PairPrompt};
    }
    pub mod hub {
        pub use crate::model::hub::{Hub, HubError, RemoteFile, Snapshot};
    }
    pub mod modules {
        pub use crate::model::modules::Activation;
    }
    pub mod pooling {
        pub use crate::model::pooling::{Pooling, defect, normalize};
    }
    pub mod similarity {
        pub use crate::model::similarity::Similarity;
    }
    pub mod source {
        pub use crate::model::source::Request;
    }
    pub mod static_embedding {
        pub use crate::model::static_embedding::StaticTable;
    }
    pub mod tokenizer {
        pub use crate::model::tokenizer::{Hints, TokenizeError, Tokenizer, Truncate};
    }
    pub mod weights {
        pub use crate::model::weights::{Access, Weights};
    }
}
pub mod output {
    pub use crate::output::{BytesWriter, Destination, Format, Numbers, Precision, Row, Shape, Vector, open};
}
pub mod runtime {
    pub use crate::runtime::{Input, Numbers, Runtime, Session, SessionOptions, VERSION, cores};
    pub mod device {
        pub use crate::runtime::device::{Device, Dtype};
    }
    pub mod install {
        pub use crate::runtime::install::python;
    }
    pub mod library {
        pub use crate::runtime::library::{Search, check};
    }
}
pub mod server {
    pub use crate::server::{
        ApiKeys, App, Bound, Drained, EmbeddingDtype, Limits, Listen, Metrics, ServeError, ServerOptions, TlsFiles,
        serve,
    };
    pub mod models {
        pub use crate::server::models::{Choose, ModelSpec, Models};
    }
}
