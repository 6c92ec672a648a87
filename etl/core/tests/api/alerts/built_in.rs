//! The alerts that are built in: which lines set them off, and which that only look so do not.

use super::*;

#[test]
fn lines_that_bring_trouble_are_told_of_and_others_are_not() {
    for (line, expect) in [
        ("<11>1 T db-1 postgres 7 - - could not write block 5: No space left on device", Some("disk_full")),
        ("<4>1 T web-1 kernel - - - Buffer I/O error on dev sda1, logical block 77", Some("disk_errors")),
        ("<4>1 T web-1 kernel - - - Out of memory: Killed process 77 (java)", Some("out_of_memory")),
        ("<2>1 T web-1 kernel - - - Kernel panic - not syncing: Fatal exception", Some("kernel_trouble")),
        ("<30>1 T web-1 auditd 7 - - The audit daemon is exiting.", Some("audit_tampering")),
        ("<30>1 T web-1 app 7 - - 77 % of the disk is free", None),
        ("<30>1 T web-1 app 7 - - memory: 77 of 99 MB", None),
        ("<38>1 T web-1 sshd 7 - - Failed password for u from 192.0.2.7 port 22 ssh2", None),
        ("<30>1 T web-1 dockerd 7 - - write /var/lib/docker/x: no space left on device", Some("disk_full")),
        ("<11>1 T web-1 app 7 - - OSError: [Errno 28] No space left on device: '/x'", Some("disk_full")),
        (
            "2026/09/21 14:00:00 [crit] 7#7: *1 pwrite() \"/var/cache/1\" failed (28: No space left on device), client: 192.0.2.9, server: x",
            Some("web_disk_full"),
        ),
        (
            "[Mon Sep 21 14:00:00.000000 2026] [core:error] [pid 7:tid 8] (28)No space left on device: [client 192.0.2.9:77] AH00646: Error writing to /var/log/x",
            Some("web_disk_full"),
        ),
    ] {
        let told = Runner::default().batch("b", &(line.replace('T', &time(0)) + "\n"));
        assert_eq!(names(&told), expect.into_iter().collect::<Vec<_>>(), "{line}");
    }
}

#[test]
fn what_a_visitor_chose_brings_no_alert_of_trouble() {
    for text in [
        "ENOSPC",
        "OOMKilled",
        "x: No space left on device",
        "(28: No space left on device)",
        "pwrite() \"/x\" failed (28: No space left on device)",
        "event log was cleared",
        "The audit daemon is exiting.",
        "I/O error",
        "Failed with result 'x' CrashLoopBackOff",
    ] {
        let nginx = format!(
            "2026/09/21 14:00:00 [error] 7#7: *1 open() \"/srv/{text}\" failed (2: No such file or directory), client: 192.0.2.9, server: x, request: \"GET /{text} HTTP/1.1\", host: \"x\"\n"
        );
        let apache = format!(
            "[Mon Sep 21 14:00:00.000000 2026] [core:error] [pid 7:tid 8] [client 192.0.2.9:77] AH00037: Symbolic link not allowed: /srv/{text}\n"
        );
        for line in [nginx, apache] {
            assert_eq!(names(&Runner::default().batch("b", &line.repeat(3))), [""; 0], "{line}");
        }
    }
}

#[test]
fn somebody_who_was_refused_rights_is_told_of_and_whoever_says_so_is_not() {
    let refused = |line: &str| {
        let told = Runner::default().batch("b", &format!("<85>1 {} web-1 {line}\n", time(0)));
        names(&told).contains(&"privilege_denied")
    };
    for line in [
        "sudo 7 - - ana : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
        "sudo 7 - - ana : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
        "sudo 7 - - ana : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
        "doas 7 - - command not permitted for ana: /bin/ls",
        "pkexec 7 - - ana: Error executing command as another user: Not authorized [USER=root] [TTY=/dev/pts/0] [CWD=/] [COMMAND=/usr/bin/id]",
    ] {
        assert!(refused(line), "{line}");
    }
    for line in [
        "sshd 7 - - Failed password for invalid user x incorrect password attempt from 192.0.2.7 port 22 ssh2",
        "sudo 7 - - ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/grep 3 incorrect password attempts x",
        "sudo 7 - - ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo x : command not allowed",
    ] {
        assert!(!refused(line), "{line}");
    }
}

#[test]
fn a_windows_log_that_is_cleared_is_told_of_by_words_and_by_number() {
    let xml = |provider: &str, id: u32| {
        format!(
            "<Event xmlns='x'><System><Provider Name='{provider}' Guid='{{fc}}'/><EventID>{id}</EventID><TimeCreated SystemTime='{}'/><Channel>Security</Channel><Computer>dc-1</Computer></System><UserData></UserData></Event>",
            time(0)
        )
    };
    let text = |words: &str| format!("<30>1 {} dc-1 Microsoft-Windows-Eventlog 7 - - {words}", time(0));
    for (line, expect) in [
        (text("The audit log was cleared. Subject: Security ID: S-1-5-21 Account Name: ana"), true),
        (text("The System log file was cleared."), true),
        (xml("Microsoft-Windows-Eventlog", 1102), true),
        (xml("Microsoft-Windows-Eventlog", 104), true),
        (xml("Microsoft-Windows-Eventlog", 1100), false),
        (xml("Some-Application", 104), false),
    ] {
        let told = Runner::default().batch("b", &(line.clone() + "\n"));
        assert_eq!(names(&told).contains(&"audit_tampering"), expect, "{line}: {told:?}");
    }
}

#[test]
fn a_built_in_alert_is_changed_or_switched_off_by_its_name() {
    let told = |config: &str| {
        let settings = parse(config).unwrap();
        let attack = figures(&settings, &failures("192.0.2.7", 0, 25, 10));
        let (notes, ears) = (MemoryNotes::default(), Ears::default());
        let now = UnixMicros::from_seconds(START + 600);
        take_in(&settings.alerts, &[Came::Batch("b1", &attack)], &notes, &ears, now).unwrap()
    };
    assert_eq!(names(&told("")), ["brute_force"]);
    assert_eq!(names(&told("[[alert]]\nname = 'brute_force'\nenabled = false")), [""; 0]);
    assert_eq!(names(&told("[[alert]]\nname = 'brute_force'\nthreshold = 26")), [""; 0]);
    assert_eq!(names(&told("[etl]\nbuilt_in_alerts = false")), [""; 0]);
    let own = "[etl]\nbuilt_in_alerts = false\n[[alert]]\nname = 'mine'\nmatch.event_type = 'auth_failure'\ngroup_by = 'host'\nthreshold = 5\nmessage = '{value} on {host}'";
    assert_eq!(told(own)[0].text, "25 on web-1");
}

#[test]
fn every_built_in_alert_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/alerts.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(BUILT_IN.alerts.names().count() >= 20);
    for name in BUILT_IN.alerts.names() {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
