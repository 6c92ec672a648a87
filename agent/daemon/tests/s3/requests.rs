//! What goes over the wire when all is well.

use crate::bench::{Bench, KEY, chunk_of, wait_for};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    shared::IntoShared,
};
use aws_smithy_types::{base64, body::SdkBody};
use headrig_agentd::{
    aws::Connections,
    s3::{Encryption, PutOutcome, S3Settings, S3Uploader, StorageClass},
};
use headrig_contract::ContentHash;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::Write,
    sync::{Arc, Mutex},
};

#[test]
fn an_upload_is_one_put_that_gives_the_hash_and_refuses_to_overwrite() {
    let bench = Bench::with(b"a line\n");
    assert_eq!(bench.put(&bench.uploader()).unwrap(), PutOutcome::Created);

    let [request] = &bench.standin.requests()[..] else { panic!("expected one request") };
    let sha256 = base64::encode(bench.chunk.hash.as_bytes());
    assert_eq!((request.method.as_str(), request.path()), ("PUT", format!("/logs/{KEY}")));
    assert_eq!(request.body, b"a line\n");
    let headers = [
        ("content-length", "7"),
        ("x-amz-checksum-sha256", sha256.as_str()),
        ("if-none-match", "*"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    for (name, expect) in headers {
        assert_eq!(request.header(name), Some(expect), "{name}");
    }
    let absent = [
        "transfer-encoding",
        "content-encoding",
        "x-amz-trailer",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-server-side-encryption",
        "x-amz-storage-class",
        "x-amz-tagging",
    ];
    for name in absent {
        assert_eq!(request.header(name), None, "{name}");
    }
    assert_eq!(bench.standin.object(&format!("/logs/{KEY}")), Some(*bench.chunk.hash.as_bytes()));
}

#[test]
fn encryption_class_and_tags_are_asked_for_as_set() {
    type Change = fn(&mut S3Settings);
    let cases: [(Change, &[(&str, &str)]); 4] = [
        (|settings| settings.encryption = Encryption::SseS3, &[("x-amz-server-side-encryption", "AES256")]),
        (
            |settings| settings.encryption = Encryption::Kms { key: Some("alias/logs".into()) },
            &[
                ("x-amz-server-side-encryption", "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", "alias/logs"),
            ],
        ),
        (
            |settings| settings.storage_class = Some(StorageClass::StandardIa),
            &[("x-amz-storage-class", "STANDARD_IA")],
        ),
        (
            |settings| settings.tags = vec![("team".to_owned(), "a b&c".to_owned())].try_into().unwrap(),
            &[("x-amz-tagging", "team=a%20b%26c")],
        ),
    ];
    for (change, expect) in cases {
        let bench = Bench::with(b"a line\n");
        let mut settings = bench.settings();
        change(&mut settings);
        bench.put(&S3Uploader::new(settings, Connections::default())).unwrap();
        for (name, value) in expect {
            assert_eq!(bench.standin.requests()[0].header(name), Some(*value), "{name}");
        }
    }
}

#[test]
fn an_object_that_is_there_already_is_a_success() {
    let bench = Bench::with(b"a line\n");
    let uploader = bench.uploader();
    assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::Created);
    assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::AlreadyPresent);
}

#[test]
fn of_uploads_at_once_one_creates_the_object() {
    let bench = Bench::with(&[7; 100_000]);
    let (uploader, file) = (Arc::new(bench.uploader()), bench.file());
    let outcomes = wait_for(async {
        let uploads = (0..8).map(|_| {
            let (uploader, chunk, file) = (Arc::clone(&uploader), bench.chunk.clone(), file.clone());
            tokio::spawn(async move { uploader.put(&chunk, &file).await.unwrap() })
        });
        let mut outcomes = Vec::new();
        for upload in uploads.collect::<Vec<_>>() {
            outcomes.push(upload.await.unwrap());
        }
        outcomes
    });
    assert_eq!(outcomes.iter().filter(|&&outcome| outcome == PutOutcome::Created).count(), 1);
    assert_eq!(bench.standin.requests().len(), 8);
}

#[test]
fn a_large_chunk_is_streamed_and_never_in_memory() {
    const MIB: u64 = 1024 * 1024;
    const LENGTH: u64 = 64 * MIB;
    let bench = Bench::with(b"a line\n");
    bench.put(&bench.uploader()).unwrap();

    let large = bench.folder.path().join("large");
    let (mut file, mut hasher) = (File::create(&large).unwrap(), Sha256::new());
    for number in 0..LENGTH / MIB {
        let piece = vec![number as u8; MIB as usize];
        hasher.update(&piece);
        file.write_all(&piece).unwrap();
    }
    let chunk = chunk_of(ContentHash::from_bytes(hasher.finalize().into()), LENGTH);
    let uploader = S3Uploader::new(
        S3Settings { bucket: "other".parse().unwrap(), ..bench.settings() },
        Connections::default(),
    );
    let before = memory_bytes("VmHWM:");
    assert_eq!(wait_for(uploader.put(&chunk, &large)).unwrap(), PutOutcome::Created);
    let grown = memory_bytes("VmHWM:").saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more for a file of {LENGTH}");
}

#[test]
fn the_bucket_is_in_the_host_or_in_the_path_as_set() {
    let key = KEY.replace('=', "%3D");
    let cases = [
        (None, false, "https://logs.s3.eu-central-1.amazonaws.com/"),
        (None, true, "https://s3.eu-central-1.amazonaws.com/logs/"),
        (Some("https://s3.example.org"), false, "https://logs.s3.example.org/"),
        (Some("https://s3.example.org/"), false, "https://logs.s3.example.org/"),
        (Some("https://s3.example.org/x"), false, "https://logs.s3.example.org/x/"),
        (Some("https://s3.example.org/x"), true, "https://s3.example.org/x/logs/"),
        (Some("https://s3.example.org/x/"), true, "https://s3.example.org/x/logs/"),
        (Some("http://127.0.0.1:9000"), false, "http://127.0.0.1:9000/logs/"),
        (Some("http://127.0.0.1:9000/x"), false, "http://127.0.0.1:9000/x/logs/"),
    ];
    for (endpoint, path_style, expect) in cases {
        let bench = Bench::with(b"a line\n");
        let recorder = Recorder::default();
        let endpoint = endpoint.map(|endpoint| endpoint.parse().unwrap());
        let settings = S3Settings { endpoint, path_style, ..bench.settings() };
        // Without an endpoint of its own the uploader takes that of the profile, which is for STS here.
        fs::write(
            bench.credentials_file(),
            "[default]\naws_access_key_id = AKIAFIRST\naws_secret_access_key = hush-hush\n",
        )
        .unwrap();
        bench.put(&S3Uploader::new(settings, recorder.connections())).unwrap();
        let uris = recorder.uris.lock().unwrap();
        let [uri] = &uris[..] else { panic!("expected one request, found {uris:?}") };
        assert_eq!(uri.split('?').next().unwrap(), format!("{expect}{key}"));
    }
}

fn memory_bytes(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Connections to nowhere: each request is noted and answered with success.
#[derive(Clone, Debug, Default)]
struct Recorder {
    uris: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn connections(&self) -> Connections {
        let connector = SharedHttpConnector::new(self.clone());
        let client: SharedHttpClient = http_client_fn(move |_, _| connector.clone()).into_shared();
        Connections::from(client)
    }
}

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.uris.lock().unwrap().push(request.uri().to_owned());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::empty())))
    }
}
