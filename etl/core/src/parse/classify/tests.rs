use super::*;

/// The type, level, user and address that a program's message tells.
fn check(program: &str, message: &str, expect: (EventType, i32, &str, &str)) {
    let mut event = Event::default();
    classify(program, message, &mut event);
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.clone().unwrap_or_default().into_owned();
    let found = (event.event_type, event.severity_number, text(&event.user_name), text(&event.src_ip));
    assert_eq!(found, (expect.0, expect.1, expect.2.into(), expect.3.into()), "{program}: {message}");
}

const ADDRESS: &str = "203.0.113.9";

#[test]
fn failed_authentications_are_told_with_user_and_address() {
    for (program, message, user, address) in [
        ("sshd", "Failed password for ana from 203.0.113.9 port 1 ssh2", "ana", ADDRESS),
        ("sshd", "Failed password for invalid user admin from 203.0.113.9 port 1", "admin", ADDRESS),
        ("sshd", "Failed publickey for ana from 2001:db8::7 port 1 ssh2: RSA x", "ana", "2001:db8::7"),
        ("sshd", "Invalid user  from 203.0.113.9", "", ADDRESS),
        ("sshd", "Invalid user ana from 203.0.113.9 port 4711", "ana", ADDRESS),
        (
            "sshd",
            "error: maximum authentication attempts exceeded for root from 203.0.113.9 port 1",
            "root",
            ADDRESS,
        ),
        ("sshd", "User ana from 203.0.113.9 not allowed because not listed in AllowUsers", "ana", ADDRESS),
        (
            "sshd",
            "Disconnecting authenticating user ana 203.0.113.9 port 1: Too many authentication failures",
            "ana",
            ADDRESS,
        ),
        (
            "sshd",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=ana",
            "ana",
            ADDRESS,
        ),
        ("su(pam_unix)", "authentication failure; logname= uid=0 rhost=  user=root", "root", ""),
        (
            "sudo",
            "  ana : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
            "ana",
            "",
        ),
        ("su", "FAILED SU (to root) ana on /dev/pts/0", "ana", ""),
        ("login", "FAILED LOGIN (1) on '/dev/tty1' FOR 'ana', Authentication failure", "ana", ""),
        (
            "dovecot",
            "imap-login: Disconnected (auth failed, 1 attempts): user=<ana>, method=PLAIN, rip=203.0.113.9, lip=10.0.0.1",
            "ana",
            ADDRESS,
        ),
        ("postfix/smtpd", "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x", "", ADDRESS),
        ("vsftpd", "[ana] FAIL LOGIN: Client \"203.0.113.9\"", "ana", ADDRESS),
        ("postgres", "FATAL:  password authentication failed for user \"ana\"", "ana", ""),
        ("mysqld", "Access denied for user 'ana'@'203.0.113.9' (using password: YES)", "ana", ADDRESS),
        ("klogind", "Authentication failed from 203.0.113.9 (203.0.113.9): x", "", ADDRESS),
    ] {
        let mut event = Event::default();
        classify(program, message.trim(), &mut event);
        let severity = event.severity_number;
        check(program, message.trim(), (EventType::AuthFailure, severity, user, address));
        assert!(severity == 13, "{message}: {severity}");
    }
}

#[test]
fn other_events_are_told_by_program_and_phrase() {
    use EventType::{
        AccountChange, Application, AuthSuccess, Container, Database, Firewall, Kernel, Network, Privilege,
        Scheduler, Service, Session,
    };
    for (program, message, event_type, severity, user, address) in [
        ("sshd", "Accepted password for ana from 203.0.113.9 port 1 ssh2", AuthSuccess, 0, "ana", ADDRESS),
        (
            "sshd",
            "pam_unix(sshd:session): session opened for user ana(uid=1) by (uid=0)",
            Session,
            0,
            "ana",
            "",
        ),
        ("systemd-logind", "New session 7 of user ana.", Session, 0, "ana", ""),
        ("sudo", "ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", Privilege, 0, "ana", ""),
        (
            "sudo",
            "ana : user NOT in sudoers ; TTY=pts/0 ; USER=root ; COMMAND=/bin/ls",
            Privilege,
            13,
            "ana",
            "",
        ),
        ("useradd", "new user: name=ana, UID=1001, GID=1001", AccountChange, 0, "ana", ""),
        ("useradd", "failed adding user 'ana', data deleted", Application, 0, "", ""),
        ("userdel", "delete user 'ana'", AccountChange, 0, "ana", ""),
        ("passwd", "pam_unix(passwd:chauthtok): password changed for ana", AccountChange, 0, "ana", ""),
        ("CRON", "(ana) CMD (true)", Scheduler, 0, "ana", ""),
        ("kernel", "[ 1.5] [UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.9 DST=10.0.0.1", Firewall, 0, "", ADDRESS),
        ("kernel", "[ 1.5] eth0: link up", Kernel, 0, "", ""),
        ("kernel", "BUG: unable to handle page fault", Kernel, 17, "", ""),
        ("kernel", "Kernel panic - not syncing", Kernel, 21, "", ""),
        ("systemd", "Started Daily apt activities.", Service, 0, "", ""),
        ("dhclient", "DHCPACK from 10.0.0.1", Network, 0, "", ""),
        ("NetworkManager", "<warn>  [1.5] dhcp4: timed out", Network, 13, "", ""),
        ("dockerd", "time=\"x\" level=error msg=\"y\"", Container, 17, "", ""),
        ("kubelet", "x", Container, 0, "", ""),
        ("mysqld", "ready for connections", Database, 0, "", ""),
        ("cups", "cupsd startup succeeded", Service, 0, "", ""),
    ] {
        check(program, message, (event_type, severity, user, address));
    }
}

#[test]
fn a_line_that_mentions_a_failure_is_none() {
    for (program, message) in [
        ("app", "Failed password for ana from 203.0.113.9"),
        ("app", "authentication failure; see below"),
        ("sshd", "input_userauth_request: invalid user ana [preauth]"),
        ("sudo", "ana : TTY=pts/0 ; USER=root ; COMMAND=/bin/grep Failed password /var/log/auth.log"),
        ("CRON", "(root) CMD (grep 'authentication failure;' /var/log/auth.log)"),
    ] {
        let mut event = Event::default();
        classify(program, message, &mut event);
        assert_ne!(event.event_type, EventType::AuthFailure, "{program}: {message}");
    }
}
