//! Mistakes, and all that is said of each.

/// The least that is a configuration.
pub(crate) const MINIMAL: &str =
    "[upload]\nbucket = 'my-logs'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n";

/// Where a text with a mistake is put.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// It is all there is.
    Alone,
    /// Before [`MINIMAL`].
    Before,
    /// Behind its bucket.
    Upload,
    /// Behind it.
    After,
}

impl Place {
    /// The whole configuration.
    pub(crate) fn put(self, text: &str) -> String {
        let source = MINIMAL.find("[[source]]").unwrap();
        match self {
            Self::Alone => text.into(),
            Self::Before => format!("{text}{MINIMAL}"),
            Self::Upload => format!("{}{text}{}", &MINIMAL[..source], &MINIMAL[source..]),
            Self::After => format!("{MINIMAL}{text}"),
        }
    }
}

/// A text and all the messages that it leads to.
pub(crate) const CASES: &[(Place, &str, &[&str])] = &[
    (
        Place::Alone,
        "",
        &[
            "agent.toml: source: expected one to 256 tables [[source]], found none",
            "agent.toml: upload.bucket: expected the bucket's name, found nothing",
        ],
    ),
    (
        Place::Alone,
        "[upload]\nbukcet = 'my-logs'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml:1:1: upload.bucket: expected the bucket's name, found nothing",
            "agent.toml:2:1: upload.bukcet: expected a setting of [upload], found \"bukcet\"; did you mean \"bucket\"?",
        ],
    ),
    (
        Place::Alone,
        "bucket = 'my-logs'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml: upload.bucket: expected the bucket's name, found nothing",
            "agent.toml:1:1: bucket: expected a table of settings, found \"bucket\"; did you mean \"upload.bucket\"?",
        ],
    ),
    (
        Place::Alone,
        "[uploads]\nbucket = 'my-logs'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml: upload.bucket: expected the bucket's name, found nothing",
            "agent.toml:1:2: uploads: expected a table of settings, found \"uploads\"; did you mean \"upload\"?",
        ],
    ),
    (
        Place::Before,
        "[agent]\nbandwidth-bytes-per-second-max = 1\nzzz = 1\nparallel_max = 3\n",
        &[
            "agent.toml:2:1: agent.bandwidth-bytes-per-second-max: expected a setting of [agent], found \"bandwidth-bytes-per-second-max\"; did you mean \"upload.bandwidth_bytes_per_second_max\"?",
            "agent.toml:3:1: agent.zzz: expected a setting of [agent], found \"zzz\"",
            "agent.toml:4:1: agent.parallel_max: expected a setting of [agent], found \"parallel_max\"; did you mean \"upload.parallel_max\"?",
        ],
    ),
    (
        Place::Alone,
        "[upload]\nbucket = 'my-logs'\n[source]\nname = 'x'\n",
        &[
            "agent.toml:3:1: source: expected [[source]], found [source]; two brackets on each side make it one of many",
            "agent.toml:3:1: source[0].include: expected a list of at least one pattern, found nothing",
        ],
    ),
    (
        Place::Alone,
        "upload = 5\nsource = [1]\n",
        &[
            "agent.toml:1:10: upload: expected a table, [upload], found 5",
            "agent.toml:2:11: source[0]: expected a table, [[source]], found 1",
        ],
    ),
    (
        Place::Before,
        "[agent]\nhost = 'a b'\nstate_dir = 'var'\nstatus_socket = 5\nmetrics_listen = 'localhost:9464'\nlog_level = 'warning'\n",
        &[
            "agent.toml:2:8: agent.host: expected a name of letters, digits, '.', '_' and '-', found \"a b\"",
            "agent.toml:3:13: agent.state_dir: expected an absolute path, found \"var\"",
            "agent.toml:4:17: agent.status_socket: expected an absolute path of at most 107 bytes, found 5",
            "agent.toml:5:18: agent.metrics_listen: expected \"off\" or a loopback address with its port, such as \"127.0.0.1:9464\", found \"localhost:9464\"; did you mean \"127.0.0.1:9464\"?",
            "agent.toml:6:13: agent.log_level: expected one of \"error\", \"warn\", \"info\", \"debug\", \"trace\", found \"warning\"; did you mean \"warn\"?",
        ],
    ),
    (
        Place::Before,
        "agent.metrics_listen = '0.0.0.0:9464'\n",
        &[
            "agent.toml:1:24: agent.metrics_listen: expected \"off\" or a loopback address with its port, such as \"127.0.0.1:9464\", found \"0.0.0.0:9464\"; let a proxy on this machine pass it on",
        ],
    ),
    (
        Place::Alone,
        "[upload]\nbucket = 's3://my-logs/raw/'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml:2:10: upload.bucket: expected 3 to 63 lowercase letters, digits, '.' and '-', or the ARN of an access point, found \"s3://my-logs/raw/\"; write bucket = \"my-logs\" and prefix = \"raw\"",
        ],
    ),
    (
        Place::Alone,
        "[upload]\nbucket = 'My_Logs'\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml:2:10: upload.bucket: expected 3 to 63 lowercase letters, digits, '.' and '-', or the ARN of an access point, found \"My_Logs\"",
        ],
    ),
    (
        Place::Upload,
        "prefix = 'a//b'\nregion = 'eu central'\nendpoint = 's3.example.org:9000'\npath_style = 'true'\nprofile = ''\n",
        &[
            "agent.toml:3:10: upload.prefix: expected a prefix without empty, '.' or '..' segments that leaves room for the rest of a key of 1024 bytes, found \"a//b\"",
            "agent.toml:4:10: upload.region: expected a region such as eu-central-1, found \"eu central\"",
            "agent.toml:5:12: upload.endpoint: expected a URL such as https://s3.example.org without user and query, found \"s3.example.org:9000\"; did you mean \"https://s3.example.org:9000\"?",
            "agent.toml:6:14: upload.path_style: expected true or false, found \"true\"; write true without quotes",
            "agent.toml:7:11: upload.profile: expected a profile's name, found \"\"",
        ],
    ),
    (
        Place::Upload,
        "endpoint = 'https://user:secret@s3.example.org'\n",
        &[
            "agent.toml:3:12: upload.endpoint: expected a URL such as https://s3.example.org without user and query, found one with more in it, not shown",
        ],
    ),
    (
        Place::Upload,
        "encryption = 'kms'\nkms_key = 'alias/logs'\nstorage_class = 'glacier_ir'\nparallel_max = 0\n",
        &[
            "agent.toml:3:14: upload.encryption: expected one of \"bucket\", \"sse-s3\", \"sse-kms\", found \"kms\"; did you mean \"sse-kms\"?",
            "agent.toml:5:17: upload.storage_class: expected one of \"STANDARD\", \"STANDARD_IA\", \"ONEZONE_IA\", \"INTELLIGENT_TIERING\", \"GLACIER_IR\", found \"glacier_ir\"; did you mean \"GLACIER_IR\"?",
            "agent.toml:6:16: upload.parallel_max: expected a whole number from 1 to 32, found 0",
        ],
    ),
    (
        Place::Upload,
        "bandwidth_bytes_per_second_max = '10M'\nconnect_timeout = 5\nattempt_timeout = '2h'\n",
        &[
            "agent.toml:3:34: upload.bandwidth_bytes_per_second_max: expected \"off\" or a size from 64KiB to 1TiB, such as \"8MiB\", found \"10M\"; did you mean \"10MiB\" or \"10MB\"?",
            "agent.toml:4:19: upload.connect_timeout: expected a time from 100ms to 5m, such as \"30s\", found 5; did you mean \"5s\"?",
            "agent.toml:5:19: upload.attempt_timeout: expected a time from 1s to 1h, such as \"30s\", found \"2h\"",
        ],
    ),
    (
        Place::Upload,
        "bandwidth_bytes_per_second_max = '100KiB'\n",
        &[
            "agent.toml:1:1: upload.attempt_timeout: expected at least 328s, the time that 4 chunks of chunk.bytes_max take with this bandwidth, found the default",
        ],
    ),
    (
        Place::Upload,
        "encryption = 'sse-kms'\n",
        &["agent.toml:1:1: upload.kms_key: expected the id, alias or ARN of a KMS key, found nothing"],
    ),
    (
        Place::Upload,
        "kms_key = 'alias/logs'\n",
        &[
            "agent.toml:3:11: upload.kms_key: expected no key without encryption = \"sse-kms\", found \"alias/logs\"",
        ],
    ),
    (
        Place::Upload,
        "[upload.tags]\nt0 = ''\nt1 = ''\nt2 = ''\nt3 = ''\nt4 = ''\nt5 = ''\nt6 = ''\nt7 = ''\nt8 = ''\nt9 = ''\nt10 = ''\n\n",
        &["agent.toml:3:1: upload.tags: expected at most 10 tags, found a table"],
    ),
    (
        Place::Upload,
        "[upload.assume_role]\nsession_name = 'x'\nexternal_id = 'a b'\nrole = 'r'\n",
        &[
            "agent.toml:3:1: upload.assume_role.role_arn: expected a role's ARN, found nothing",
            "agent.toml:4:16: upload.assume_role.session_name: expected 2 to 64 letters, digits or any of _+=,.@-, found \"x\"",
            "agent.toml:5:15: upload.assume_role.external_id: expected 2 to 1224 letters, digits and +=,.@:/-_, found another, not shown",
            "agent.toml:6:1: upload.assume_role.role: expected a setting of [upload.assume_role], found \"role\"; did you mean \"role_arn\"?",
        ],
    ),
    (
        Place::Upload,
        "assume_role = 'arn:aws:iam::123456789012:role/headrig'\ntags = { a = 1, 'aws:b' = 'c' }\n",
        &[
            "agent.toml:3:15: upload.assume_role: expected a table, found \"arn:aws:iam::123456789012:role/headrig\"",
            "agent.toml:4:14: upload.tags.a: expected a text of at most 256 letters, digits, spaces and +-=._:/@, found 1",
            "agent.toml:4:27: upload.tags.aws:b: expected a tag's key of 1 to 128 characters, not beginning with aws:, found \"c\"",
        ],
    ),
    (
        Place::Before,
        "[chunk]\ncodec = 'gzip'\nlevel = 12\nbytes_max = '8'\nraw_bytes_max = '2TiB'\nage_max = '0.5s'\n",
        &[
            "agent.toml:3:9: chunk.level: expected a whole number from 1 to 9, found 12",
            "agent.toml:4:13: chunk.bytes_max: expected a size from 64KiB to 1GiB, such as \"8MiB\", found \"8\"",
            "agent.toml:5:17: chunk.raw_bytes_max: expected a size from 1MiB to 4GiB, such as \"8MiB\", found \"2TiB\"",
            "agent.toml:6:11: chunk.age_max: expected a time from 1s to 1d, such as \"30s\", found \"0.5s\"",
        ],
    ),
    (
        Place::Before,
        "spool = { bytes_max = '4MiB' }\nheartbeat = { interval = 60, enabled = 1, namespace = 'AWS/x' }\n",
        &[
            "agent.toml:1:23: spool.bytes_max: expected at least chunk.bytes_max, 8MiB, found \"4MiB\"",
            "agent.toml:2:26: heartbeat.interval: expected a time from 10s to 1h, such as \"30s\", found 60; did you mean \"60s\"?",
            "agent.toml:2:40: heartbeat.enabled: expected true or false, found 1",
            "agent.toml:2:55: heartbeat.namespace: expected 1 to 255 letters, digits, spaces or any of ._-/#:, not beginning with AWS/, found \"AWS/x\"",
        ],
    ),
    (
        Place::After,
        "[[source]]\nname = 'app'\nformat = 'acces'\n",
        &[
            "agent.toml:6:1: source[1].include: expected a list of at least one pattern, found nothing",
            "agent.toml:7:8: source[1].name: expected a name of its own, such as \"nginx\", of letters, digits, '.', '_' and '-', found \"app\"; another source has this name",
            "agent.toml:8:10: source[1].format: expected one of \"access\", \"apache_error\", \"apt\", \"audit\", \"aws_elb\", \"aws_s3\", \"aws_vpc_flow\", \"cef\", \"cri\", \"delimited\", \"dmesg\", \"docker\", \"dpkg\", \"haproxy\", \"json\", \"klog\", \"leef\", \"leveled\", \"logcat\", \"logfmt\", \"macos_unified\", \"mongodb\", \"mysql_error\", \"mysql_slow\", \"nginx_error\", \"postgres\", \"postgres_csv\", \"python\", \"redis\", \"squid\", \"supercomputer\", \"syslog_3164\", \"syslog_5424\", \"tagged\", \"timestamped\", \"tracing\", \"vsftpd\", \"w3c\", \"windows_xml\", \"xferlog\", \"yum\", found \"acces\"; did you mean \"access\"?",
        ],
    ),
    (
        Place::After,
        "[[source]]\nname = 'b/c'\ninclude = '/var/log/*.log'\nexclude = ['a/b', 7]\nignore_older = 'never'\n",
        &[
            "agent.toml:7:8: source[1].name: expected a name of its own, such as \"nginx\", of letters, digits, '.', '_' and '-', found \"b/c\"",
            "agent.toml:8:11: source[1].include: expected a list of at least one pattern, found \"/var/log/*.log\"; write [\"/var/log/*.log\"]",
            "agent.toml:9:12: source[1].exclude[0]: expected an absolute path or pattern, or one for names, found \"a/b\"; begin it with a slash: the agent has no folder of its own to start from",
            "agent.toml:9:19: source[1].exclude[1]: expected an absolute path or pattern, or one for names, found 7",
            "agent.toml:10:16: source[1].ignore_older: expected \"off\" or a time from 1m to 3650d, such as \"30s\", found \"never\"",
        ],
    ),
    (
        Place::After,
        "[[source]]\nname = 'b'\ninclude = ['var/log', '/var/{a,b}/*', '/var/***', '']\nread_compressed = 1979-05-27\n",
        &[
            "agent.toml:8:12: source[1].include[0]: expected an absolute path or pattern, found \"var/log\"; begin it with a slash: the agent has no folder of its own to start from",
            "agent.toml:8:23: source[1].include[1]: expected an absolute path or pattern, found \"/var/{a,b}/*\"; write a pattern for each alternative; a brace that is meant is [{]",
            "agent.toml:8:39: source[1].include[2]: expected an absolute path or pattern, found \"/var/***\"; at character 8: wildcards are either regular `*` or recursive `**`",
            "agent.toml:8:51: source[1].include[3]: expected an absolute path or pattern, found \"\"",
            "agent.toml:9:19: source[1].read_compressed: expected true or false, found 1979-05-27",
        ],
    ),
    (
        Place::After,
        "start_at = 'tail'\n",
        &["agent.toml:6:12: source[0].start_at: expected one of \"beginning\", \"end\", found \"tail\""],
    ),
    (
        Place::After,
        "[[source]]\nname = 'b'\ninclude = []\nmultiline = 1.5\n",
        &[
            "agent.toml:8:11: source[1].include: expected a list of at least one pattern, found an empty list",
            "agent.toml:9:13: source[1].multiline: expected a table, found 1.5",
        ],
    ),
    (
        Place::After,
        "encoding = 'utf16'\nmultiline = { start = '^[a', modus = 'auto' }\n",
        &[
            "agent.toml:6:12: source[0].encoding: expected one of \"auto\", \"utf-8\", \"utf-16le\", \"utf-16be\", found \"utf16\"; utf-16le is that of Windows; auto sees by the byte order mark",
            "agent.toml:7:23: source[0].multiline.start: expected a regular expression of 1 to 1024 bytes, found \"^[a\"; unclosed character class",
            "agent.toml:7:30: source[0].multiline.modus: expected a setting of [source.multiline], found \"modus\"; did you mean \"mode\"?",
        ],
    ),
    (
        Place::After,
        "[source.multiline]\nmode = 'auto'\nstart = ''\ncontinue = '(?:x{1000}){1000}'\n",
        &[
            "agent.toml:8:9: source[0].multiline.start: expected a regular expression of 1 to 1024 bytes, found \"\"",
            "agent.toml:9:12: source[0].multiline.continue: expected a regular expression of 1 to 1024 bytes, found \"(?:x{1000}){1000}\"; it takes too much memory; repeat less, or write (?-u)",
            "agent.toml:9:12: source[0].multiline.continue: expected one of mode, start and continue, found \"(?:x{1000}){1000}\"",
        ],
    ),
    (
        Place::Alone,
        "[upload]\nbucket = my-logs\nregion = 5\n[[source]]\nname = 'app'\ninclude = ['/var/log/app.log']\n",
        &[
            "agent.toml:2:10: expected TOML, found a syntax error: string values must be quoted, expected literal string",
            "agent.toml:3:10: upload.region: expected a region such as eu-central-1, found 5",
        ],
    ),
    (
        Place::Upload,
        "bucket = 'more'\n",
        &["agent.toml:3:1: expected TOML, found a syntax error: duplicate key"],
    ),
    (
        Place::Alone,
        "[upload\nbucket = 'é' x\n",
        &[
            "agent.toml:1:8: expected TOML, found a syntax error: unclosed table, expected `]`",
            "agent.toml:2:14: expected TOML, found a syntax error: unexpected key or value, expected newline, `#`",
        ],
    ),
    (
        Place::Before,
        "[agent]\n# é\nhost = \"é\" \n",
        &["agent.toml:3:8: agent.host: expected a name of letters, digits, '.', '_' and '-', found \"é\""],
    ),
];
