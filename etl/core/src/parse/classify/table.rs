//! The table: programs, the phrases they write, and what those tell. Data only.

use crate::event::EventType;
use EventType::{
    AccountChange, Application, AuthFailure, AuthSuccess, Container, Database, Firewall, Kernel, Network,
    Privilege, Scheduler, Service, Session,
};

/// Where in the message a phrase stands.
#[derive(Clone, Copy)]
pub(super) enum At {
    Start,
    End,
    Any,
}
use At::{Any, End, Start};

/// Where, which phrase, what it tells; what stands before the user and before the address. Of several
/// markers the first that the line has is taken.
pub(super) type Rule = (At, &'static str, EventType, &'static [&'static str], &'static [&'static str]);

/// Programs that write alike.
pub(super) struct Program {
    /// Names; one that ends with `*` stands for all that begin so.
    pub(super) names: &'static [&'static str],
    /// What their lines are about when no phrase fits.
    pub(super) event_type: EventType,
    /// Their phrases, in the order they are tried.
    pub(super) rules: &'static [Rule],
}

const fn program(event_type: EventType, names: &'static [&'static str], rules: &'static [Rule]) -> Program {
    Program { names, event_type, rules }
}

/// What PAM writes through any program.
pub(super) static PAM: &[Rule] = &[
    (Start, "authentication failure;", AuthFailure, &[" user="], &["rhost="]),
    (Any, "more authentication failure", AuthFailure, &[" user="], &["rhost="]),
    (Start, "check pass; user unknown", AuthFailure, &[], &[]),
    (Start, "bad username", AuthFailure, &["["], &[]),
    (Start, "auth could not identify password", AuthFailure, &["for ["], &[]),
    (Start, "session opened for user ", Session, &["for user "], &[]),
    (Start, "session closed for user ", Session, &["for user "], &[]),
    (Start, "password changed for ", AccountChange, &["changed for "], &[]),
];

/// What init scripts write under any program's name.
pub(super) static ANY_PROGRAM: &[Rule] = &[
    (End, "startup succeeded", Service, &[], &[]),
    (End, "shutdown succeeded", Service, &[], &[]),
    (End, "startup failed", Service, &[], &[]),
    (End, "shutdown failed", Service, &[], &[]),
];

/// Every program that is known; the first that fits counts.
pub(super) static PROGRAMS: &[Program] = &[
    program(Application, &["sshd", "sshd-session", "sshd-auth", "dropbear"], SSHD),
    program(Privilege, &["sudo", "doas"], SUDO),
    program(Privilege, &["su", "runuser"], SU),
    program(Scheduler, &["cron", "crond", "atd", "anacron", "fcron", "cronie", "run-parts"], CRON),
    program(Kernel, &["kernel", "kern"], PACKETS),
    program(Service, &["systemd", "systemd-logind", "elogind"], SYSTEMD),
    program(Application, &["login", "gdm*", "lightdm", "sddm", "xdm", "--"], LOGIN),
    program(Application, &["ftpd", "vsftpd", "proftpd", "pure-ftpd", "in.ftpd"], FTP),
    program(AccountChange, &["useradd", "usermod", "userdel", "newusers", "adduser"], ACCOUNTS),
    program(AccountChange, &["groupadd", "groupmod", "groupdel", "deluser"], ACCOUNTS),
    program(Application, &["klogind", "kshd", "krb5kdc"], KERBEROS),
    program(Application, &["passwd", "chpasswd", "gpasswd", "chage", "chfn", "chsh"], PASSWORDS),
    program(Privilege, &["pkexec"], &[(Any, "xecuting command", Privilege, &[""], &[])]),
    program(Application, &["polkitd"], POLKIT),
    program(Application, &["dovecot*", "imap*", "pop3*", "auth"], DOVECOT),
    program(Application, &["postfix*"], POSTFIX),
    program(Application, &["apache_error", "nginx_error", "httpd", "apache2", "nginx"], WEB),
    program(Database, &["postgres*"], POSTGRES),
    program(Database, &["mysqld*", "mariadbd*", "mysql*"], MYSQL),
    program(Database, &["mongod", "mongos", "redis*", "memcached", "cassandra", "clickhouse*"], &[]),
    program(Database, &["etcd", "slapd", "oracle*", "influxd", "elasticsearch*"], &[]),
    program(Network, &["xinetd", "inetd"], &[(Any, "from=", Network, &[], &["from="])]),
    program(Network, &["dhclient", "dhcpd", "dhcpcd", "NetworkManager", "nm-dispatcher"], &[]),
    program(Network, &["named", "dnsmasq*", "unbound", "systemd-resolved", "avahi-daemon"], &[]),
    program(Network, &["systemd-networkd", "systemd-timesyncd", "ntpd", "chronyd", "pppd"], &[]),
    program(Network, &["wpa_supplicant", "hostapd", "openvpn*", "charon", "wireguard"], &[]),
    program(Network, &["bird*", "zebra", "bgpd", "ospfd", "radvd", "keepalived*", "lldpd"], &[]),
    program(Network, &["snmpd", "ModemManager", "networkd-dispatcher", "mDNSResponder"], &[]),
    program(Firewall, &["ufw", "firewalld", "iptables", "nft*", "filterlog", "sshguard"], PACKETS),
    program(Firewall, &["fail2ban*", "shorewall"], &[(Any, "Ban ", Firewall, &[], &["Ban "])]),
    program(Container, &["dockerd", "docker*", "containerd*", "podman", "crio", "conmon"], &[]),
    program(Container, &["kube*", "k3s", "runc", "rancher*", "nomad", "microk8s*"], &[]),
    program(Service, &["init", "upstart", "launchd", "com.apple.xpc.launchd", "runit"], &[]),
    program(Service, &["syslogd", "rsyslogd", "syslog-ng", "systemd-journald", "auditd"], &[]),
    program(Service, &["systemd-*", "shutdown", "supervisord", "monit", "acpid", "rc"], &[]),
];

const FROM: &[&str] = &[" from "];

static SSHD: &[Rule] = &[
    (Start, "Failed ", AuthFailure, &["invalid user ", "illegal user ", " for "], FROM),
    (Start, "Invalid user ", AuthFailure, &["user "], FROM),
    (Start, "Illegal user ", AuthFailure, &["user "], FROM),
    (Start, "Bad password attempt for ", AuthFailure, &[" for "], FROM),
    (Start, "Login attempt for nonexistent user", AuthFailure, &[], FROM),
    (Start, "maximum authentication attempts", AuthFailure, FOR_USER, FROM),
    (Start, "PAM: Authentication failure for", AuthFailure, FOR_USER, FROM),
    (Start, "PAM: User not known", AuthFailure, FOR_USER, FROM),
    (Any, "Too many authentication failures", AuthFailure, FOR_USER, &["user ", " from "]),
    (Any, "more authentication failure", AuthFailure, &[" user="], &["rhost="]),
    (Any, " not allowed because ", AuthFailure, &["User "], FROM),
    (Start, "ROOT LOGIN REFUSED", AuthFailure, &[], &[" FROM "]),
    (Start, "Accepted ", AuthSuccess, &[" for "], FROM),
    (Start, "Password auth succeeded for ", AuthSuccess, &[" for "], FROM),
    (Start, "Pubkey auth succeeded for ", AuthSuccess, &[" for "], FROM),
    (Start, "Starting session:", Session, &[" for "], FROM),
    (Start, "Server listening on", Service, &[], &[]),
    (Start, "Received signal", Service, &[], &[]),
    (Start, "Received disconnect", Network, &[], FROM),
    (Start, "Disconnected from", Network, &["user "], FROM),
    (Start, "Connection ", Network, &["user "], &[" by ", " from ", " with "]),
    (Start, "Did not receive identification", Network, &[], FROM),
    (Start, "Bad protocol version", Network, &[], FROM),
    (Start, "Unable to negotiate", Network, &[], &[" with "]),
    (Start, "reverse mapping checking", Network, &[], &["["]),
    (Start, "Address ", Network, &[], &["Address "]),
    (Start, "Timeout", Network, &[], &[]),
];

const FOR_USER: &[&str] =
    &["invalid user ", "illegal user ", "authenticating user ", "exceeded for ", "ailures for ", " for "];

static SUDO: &[Rule] = &[
    (Any, "incorrect password attempt", AuthFailure, &[""], &[]),
    (Any, "a password is required", AuthFailure, &[""], &[]),
    (Any, "COMMAND=", Privilege, &[""], &[]),
    (Any, " ran command ", Privilege, &[""], &[]),
];

static SU: &[Rule] = &[
    (Start, "FAILED ", AuthFailure, &[" by ", ") "], &[]),
    (Start, "BAD SU ", AuthFailure, &["BAD SU "], &[]),
    (Start, "- ", AuthFailure, &[], &[]),
    (Start, "Successful su for ", Privilege, &[" by "], &[]),
    (Any, "' failed for ", AuthFailure, &["failed for "], &[]),
    (Start, "(to ", Privilege, &[") "], &[]),
];

static CRON: &[Rule] = &[(Start, "(", Scheduler, &["("], &[])];

static PACKETS: &[Rule] = &[(Any, " SRC=", Firewall, &[], &[" SRC="])];

static SYSTEMD: &[Rule] = &[
    (Start, "New session ", Session, &[" of user "], &[]),
    (Start, "Removed session ", Session, &[], &[]),
    (Start, "Session ", Session, &[], &[]),
    (Start, "Started Session ", Session, &[" of user ", " of User "], &[]),
];

static LOGIN: &[Rule] = &[
    (Start, "FAILED LOGIN", AuthFailure, &[" FOR "], &[" FROM ", " from "]),
    (Start, "ROOT LOGIN", AuthSuccess, &[], &[" FROM "]),
    (Start, "LOGIN ON", AuthSuccess, &[" BY "], &[" FROM "]),
    (Start, "DIALUP AT", AuthSuccess, &[" BY "], &[]),
    (Start, "Couldn't authenticate user", AuthFailure, &[], &[]),
];

static FTP: &[Rule] = &[
    (Any, "FAIL LOGIN:", AuthFailure, &["["], &["Client \""]),
    (Any, "OK LOGIN:", AuthSuccess, &["["], &["Client \""]),
    (Any, "(Login failed)", AuthFailure, &["USER "], &["["]),
    (Any, "no such user found", AuthFailure, &["USER "], &["["]),
    (Any, "Login successful", AuthSuccess, &["USER "], &["["]),
    (Start, "FTP LOGIN FROM", AuthSuccess, &[" as "], &[" FROM "]),
    (Start, "ANONYMOUS FTP LOGIN FROM", AuthSuccess, &[], &[" FROM "]),
    (Start, "connection from ", Network, &[], &["from "]),
    (Start, "CONNECT:", Network, &[], &["Client \""]),
];

static KERBEROS: &[Rule] = &[
    (Start, "Authentication failed from", AuthFailure, &[], &[" from "]),
    (Start, "Kerberos authentication failed", AuthFailure, &[], &[]),
];

static ACCOUNTS: &[Rule] = &[
    (Start, "failed ", Application, &[], &[]),
    (Start, "", AccountChange, &["name=", "user '", "add '"], &[]),
];

static PASSWORDS: &[Rule] = &[
    (Start, "password for ", AccountChange, &["password for "], &[]),
    (Start, "changed ", AccountChange, &["user '", "for '", " for "], &[]),
];

static POLKIT: &[Rule] = &[
    (Any, "FAILED to authenticate", AuthFailure, &["as unix-user:"], &[]),
    (Any, "uccessfully authenticated", Privilege, &["as unix-user:"], &[]),
];

static DOVECOT: &[Rule] = &[
    (Any, "Login: user=<", AuthSuccess, &["user=<"], &["rip="]),
    (Any, "(auth failed", AuthFailure, &["user=<"], &["rip="]),
];

static POSTFIX: &[Rule] = &[
    (Any, " authentication failed", AuthFailure, &["sasl_username="], &["["]),
    (Any, "sasl_method=", AuthSuccess, &["sasl_username="], &["["]),
];

static WEB: &[Rule] = &[
    (Any, ": password mismatch", AuthFailure, &["user \"", "user "], &["client: "]),
    (Any, ": authentication failure for \"", AuthFailure, &["user "], &[]),
    (Any, " was not found in \"", AuthFailure, &["user \""], &["client: "]),
    (Any, "resuming normal operations", Service, &[], &[]),
    (Start, "caught SIG", Service, &[], &[]),
    (Start, "Graceful restart", Service, &[], &[]),
];

static POSTGRES: &[Rule] = &[
    (Any, "authentication failed for user \"", AuthFailure, &["for user \""], &["host=", "host \""]),
    (Any, "connection authorized: user=", AuthSuccess, &["user="], &["host="]),
];

static MYSQL: &[Rule] = &[(Any, "Access denied for user '", AuthFailure, &["for user '"], &["'@'"])];
