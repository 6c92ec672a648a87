//! Level words and numbers of all kinds as OpenTelemetry severity numbers.
//!
//! The mapping follows the appendix of OpenTelemetry's logs data model: syslog's notice is 10, its
//! critical 18, alert 19 and emergency 21.

/// What a failed authentication is, where no level is stated.
pub(super) const WARN: i32 = 13;

/// The severity number of a level word in any case, or nothing where the word is none.
///
/// Only words whole: what is around them, and whether a word at that place is a level at all, the
/// caller knows. Numbered words (`DEBUG3`, `trace8`) count as their kind.
pub fn severity_of_word(word: &str) -> Option<i32> {
    let digits = word.bytes().rev().take_while(u8::is_ascii_digit).count();
    let word = &word.as_bytes()[..word.len() - digits];
    let mut lower = [0; WORD_BYTES_MAX];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"trc" | b"finest" | b"verbose" | b"vrb" | b"silly" => 1,
        b"finer" => 3,
        b"debug" | b"dbg" | b"debu" | b"dbug" | b"fine" => 5,
        b"config" => 8,
        b"info" | b"inf" | b"information" | b"informational" | b"system" => 9,
        b"notice" | b"note" | b"success" => 10,
        b"warn" | b"wrn" | b"warning" | b"warni" => 13,
        b"error" | b"err" | b"eror" | b"severe" | b"failure" => 17,
        b"critical" | b"crit" | b"criti" | b"crt" | b"dpanic" => 18,
        b"alert" => 19,
        b"fatal" | b"ftl" | b"fata" | b"emerg" | b"emergency" | b"panic" | b"pnc" => 21,
        _ => return None,
    })
}

/// The longest word of the table.
const WORD_BYTES_MAX: usize = "informational".len();

/// Whether a level word needs no bracket, colon or capitals to be one: the others are common words.
pub(super) fn is_plain_level(word: &str) -> bool {
    let common = ["system", "note", "success", "fine", "config", "failure", "alert", "silly"];
    !common.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// The severity number of a level letter, as glog, logcat and Jupyter write them.
pub(super) const fn severity_of_letter(letter: u8) -> Option<i32> {
    Some(match letter {
        b'V' | b'T' => 1,
        b'D' => 5,
        b'I' => 9,
        b'N' => 10,
        b'W' => 13,
        b'E' => 17,
        b'C' => 18,
        b'F' => 21,
        _ => return None,
    })
}

/// The severity number of a syslog severity, 0 (emergency) to 7 (debug).
pub(super) const fn severity_of_syslog(severity: u32) -> Option<i32> {
    Some(match severity {
        0 => 21,
        1 => 19,
        2 => 18,
        3 => 17,
        4 => 13,
        5 => 10,
        6 => 9,
        7 => 5,
        _ => return None,
    })
}

/// The severity number that an HTTP status stands for: a server's fault is an error, a client's a
/// warning.
pub(super) const fn severity_of_status(status: i32) -> i32 {
    match status {
        500.. => 17,
        400..=499 => 13,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expect: Option<i32>) {
        assert_eq!(severity_of_word(word), expect, "{word}");
    }

    #[test]
    fn words_of_many_loggers_are_levels_in_any_case() {
        for (word, expect) in [
            ("INFO", 9),
            ("Information", 9),
            ("informational", 9),
            ("notice", 10),
            ("WARNING", 13),
            ("err", 17),
            ("SEVERE", 17),
            ("crit", 18),
            ("Emergency", 21),
            ("DEBUG5", 5),
            ("trace8", 1),
        ] {
            check(word, Some(expect));
        }
    }

    #[test]
    fn other_words_are_no_levels() {
        for word in ["", "5", "information-rich", "informationally", "errors", "é"] {
            check(word, None);
        }
    }
}
