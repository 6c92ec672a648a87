//! The programs that are known: their names, what they write, and what their other lines are about.
//!
//! Each file of the folder holds the phrases of one kind of program, as data. A line belongs here as its
//! program's source writes it, whole; what no template fits is of the program's own type.

mod accounts;
mod anybody;
mod databases;
mod files;
mod logins;
mod mail;
mod pam;
mod privilege;
mod remote;
mod services;
mod sshd;
mod web;

use super::packets;
use super::template::Template;
use super::windows;
use crate::event::{Event, EventType};
use EventType::{
    AccountChange, Application, Container, Database, Firewall, Kernel, Network, Privilege, Scheduler, Service,
};
use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

pub(super) use pam::more_failures;

/// The longest program name that is looked up.
const NAME_BYTES_MAX: usize = 48;

/// One line that a program writes, and what it tells.
#[derive(Clone, Copy)]
pub(super) struct Line {
    event_type: EventType,
    severity: i32,
    template: &'static str,
}

/// A line of `event_type`, whose level is the one its type implies.
const fn line(event_type: EventType, template: &'static str) -> Line {
    Line { event_type, severity: 0, template }
}

impl Line {
    /// The same, of a level of its own.
    const fn severity(self, severity: i32) -> Self {
        Self { severity, ..self }
    }
}

/// What a line tells: its type, and its level or 0.
pub(super) type Told = (EventType, i32);

/// Reads what no template can. It gets the line whole, with the level it may begin with.
pub(super) type Reader = for<'a> fn(&'a str, &mut Event<'a>) -> Option<Told>;

/// Programs that write alike.
struct Program {
    /// Names in small letters; one that ends with `*` stands for all that begin so.
    names: &'static [&'static str],
    /// What their lines are about when nothing fits.
    event_type: EventType,
    reader: Option<Reader>,
    lines: &'static [Line],
}

const fn program(event_type: EventType, names: &'static [&'static str], lines: &'static [Line]) -> Program {
    Program { names, event_type, reader: None, lines }
}

const fn read(event_type: EventType, names: &'static [&'static str], reader: Reader) -> Program {
    Program { names, event_type, reader: Some(reader), lines: &[] }
}

/// Every program that is known. A whole name goes before a beginning, then the first counts.
static PROGRAMS: &[Program] = &[
    program(Application, &["sshd", "sshd-session", "sshd-auth"], sshd::OPENSSH),
    program(Application, &["dropbear"], sshd::DROPBEAR),
    program(Application, &["unix_chkpwd"], pam::CHECKER),
    read(Privilege, &["sudo", "sudo-rs"], privilege::sudo),
    program(Privilege, &["doas"], privilege::DOAS),
    program(Privilege, &["su", "su-l", "runuser"], privilege::SU),
    read(Privilege, &["pkexec"], privilege::pkexec),
    program(Application, &["polkitd", "polkit*"], privilege::POLKIT),
    program(Scheduler, &["cron", "crond", "atd", "anacron", "fcron", "cronie", "crontab"], services::CRON),
    program(Scheduler, &["/usr/sbin/cron", "run-parts"], &[]),
    Program { reader: Some(kernel), ..program(Kernel, &["kernel", "kern"], &[]) },
    program(Service, &["systemd", "systemd-logind", "elogind"], services::SYSTEMD),
    program(Application, &["login", "--"], logins::LOGIN),
    program(Application, &["gdm*", "lightdm", "sddm*", "xdm", "kdm"], logins::DISPLAY),
    program(Application, &["cockpit*"], logins::COCKPIT),
    program(Service, &["agetty", "getty", "mingetty", "mgetty"], &[]),
    program(Application, &["ftpd", "in.ftpd", "wu-ftpd", "xinetd-ftpd"], files::FTPD),
    program(Application, &["vsftpd"], files::VSFTPD),
    program(Application, &["proftpd"], files::PROFTPD),
    program(Application, &["pure-ftpd"], files::PURE_FTPD),
    program(Application, &["smbd", "nmbd", "winbindd", "samba*"], files::SAMBA),
    program(AccountChange, &["useradd", "usermod", "userdel", "newusers", "adduser"], accounts::SHADOW),
    program(AccountChange, &["groupadd", "groupmod", "groupdel", "deluser"], accounts::SHADOW),
    program(Application, &["passwd", "chpasswd", "gpasswd", "chage", "chfn", "chsh"], accounts::PASSWORDS),
    program(Application, &["krb5kdc", "kdc"], remote::KDC),
    program(Application, &["klogind", "kshd", "eklogin"], remote::KERBEROS),
    program(Application, &["dovecot*", "auth", "auth-worker*", "imap-login", "pop3-login"], mail::DOVECOT),
    program(Application, &["managesieve*", "submission-login"], mail::DOVECOT),
    program(Application, &["imap*", "pop3*", "ipop3d", "courier*", "cyrus*", "sieve"], mail::MAILBOXES),
    program(Application, &["timsieved", "solid-pop3d", "lmtpunix"], mail::MAILBOXES),
    program(Application, &["sendmail*", "sm-mta*", "sm-msp*", "sm-acceptingconnections"], mail::SENDMAIL),
    program(Application, &["postfix*"], mail::POSTFIX),
    Program { reader: Some(mail::exim), ..program(Application, &["exim*"], mail::EXIM) },
    program(Application, &["saslauthd"], mail::SASLAUTHD),
    Program {
        reader: Some(web::server),
        ..program(Application, &["apache_error", "httpd", "apache2", "nginx_error", "nginx"], web::SERVERS)
    },
    program(Application, &["pvedaemon", "pveproxy"], web::PROXMOX),
    program(Application, &["webmin", "miniserv.pl", "perl"], web::WEBMIN),
    Program {
        reader: Some(databases::refused_role),
        ..program(Database, &["postgres*"], databases::POSTGRES)
    },
    program(Database, &["mysqld*", "mariadbd*", "mysql*", "mariadb*"], databases::MYSQL),
    program(Database, &["mongod", "mongos"], databases::MONGODB),
    program(Database, &["slapd"], databases::SLAPD),
    program(Database, &["redis*", "memcached", "cassandra", "clickhouse*", "etcd", "oracle*"], &[]),
    program(Database, &["influxd", "elasticsearch*", "valkey*", "cockroach*"], &[]),
    program(Network, &["openvpn*", "ovpn*"], remote::OPENVPN),
    program(Network, &["charon*", "strongswan*", "ipsec"], remote::STRONGSWAN),
    program(Application, &["radiusd", "freeradius"], remote::RADIUS),
    program(Application, &["xrdp*"], remote::XRDP),
    program(Application, &["%sec_login*"], remote::CISCO),
    program(Network, &["%link-*", "%lineproto-*"], &[]),
    program(Firewall, &["%asa*", "%pix*", "%fwsm*", "%ftd*"], remote::CISCO_ASA),
    program(Firewall, &["%sec-6-ipaccesslog*"], remote::CISCO_ACCESS_LIST),
    program(Network, &["xinetd", "inetd"], remote::INETD),
    program(Network, &["networkmanager", "nm-dispatcher", "dhclient", "dhcpd", "dhcpcd"], &[]),
    program(Network, &["named", "named-pkcs11"], remote::NAMED),
    program(Service, &["monit"], remote::MONIT),
    program(Application, &["screensharingd"], remote::SCREEN_SHARING),
    program(Network, &["dnsmasq*", "unbound", "systemd-resolved", "avahi-daemon"], &[]),
    program(Network, &["systemd-networkd", "systemd-timesyncd", "ntpd", "chronyd", "pppd"], &[]),
    program(Network, &["wpa_supplicant", "hostapd", "wireguard", "connmand", "iwd"], &[]),
    program(Network, &["bird*", "zebra", "bgpd", "ospfd", "radvd", "keepalived*", "lldpd"], &[]),
    program(Network, &["snmpd", "modemmanager", "networkd-dispatcher", "mdnsresponder"], &[]),
    read(Firewall, &["ufw", "firewalld", "iptables*", "ip6tables*", "nft*", "ulogd*"], packets::netfilter),
    read(Firewall, &["filterlog", "pf", "pflog*"], packets::pf),
    program(Firewall, &["fail2ban*", "sshguard", "shorewall", "crowdsec*"], services::FAIL2BAN),
    program(Container, &["dockerd", "docker*", "containerd*", "podman", "crio", "conmon"], &[]),
    program(Container, &["kube*", "k3s*", "runc", "rancher*", "nomad", "microk8s*", "buildkitd"], &[]),
    program(Service, &["init", "upstart", "launchd", "com.apple.xpc.launchd", "runit", "openrc*"], &[]),
    program(
        Service,
        &["syslogd", "rsyslogd", "syslog-ng", "systemd-journald", "auditd", "dbus*", "snapd"],
        &[],
    ),
    program(Service, &["systemd-*", "shutdown", "supervisord", "acpid", "rc"], &[]),
    read(Kernel, &["audit", "audispd", "kauditd"], super::audit_line),
    read(Application, windows::PROVIDERS, windows::event_text),
];

/// The kernel's packets, and audit's records where no audit daemon takes them.
fn kernel<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    packets::netfilter(line, event).or_else(|| {
        let text = line.split_once("] ").filter(|_| line.starts_with('[')).map_or(line, |(_, text)| text);
        (text.starts_with("audit: type=") || text.starts_with("type="))
            .then(|| super::audit_line(text, event))?
    })
}

/// A line made ready.
struct ReadyLine {
    told: Told,
    template: Template,
}

/// A program made ready.
pub(super) struct Known {
    /// What its lines are about when nothing fits.
    pub(super) event_type: EventType,
    /// Asked before the templates.
    pub(super) reader: Option<Reader>,
    lines: Vec<ReadyLine>,
}

struct Index {
    programs: Vec<Known>,
    exact: FxHashMap<&'static str, usize>,
    stems: Vec<(&'static str, usize)>,
    pam: Vec<ReadyLine>,
    /// What web servers say of logins.
    servers: Vec<ReadyLine>,
    /// Lines of sshd, which count only where nobody else is named.
    openssh: Anybody,
    anybody: Anybody,
}

/// Lines that need no program, so arranged that the many texts which are none of them cost little.
struct Anybody {
    /// Lines that begin with text of their own, by its first byte.
    headed: FxHashMap<u8, Vec<ReadyLine>>,
    /// The others. Each holds [`HINT`] near its beginning, which is looked for first.
    headless: Vec<ReadyLine>,
    hint: Finder<'static>,
}

/// What every line of [`mail::EXIM`] and [`anybody::UNMISTAKABLE`] holds that begins with a hole.
const HINT: &str = " auth";
/// Bytes of a text in which the hint must stand.
const HINT_BYTES_MAX: usize = 64;

static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// The program of that name; case does not count.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    let mut buffer = [0; NAME_BYTES_MAX];
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    let lower = std::str::from_utf8(lower).ok()?;
    let index = &*INDEX;
    let stem = || index.stems.iter().find(|(stem, _)| lower.starts_with(stem)).map(|(_, at)| at);
    index.exact.get(lower).or_else(stem).map(|at| &index.programs[*at])
}

/// What one of the program's templates tells; its values go into the event.
pub(super) fn told_by<'a>(known: &Known, text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    first_fit(&known.lines, text, event)
}

/// What a line of PAM tells.
pub(super) fn told_by_pam<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    pam::failure(text, event).or_else(|| first_fit(&INDEX.pam, text, event))
}

/// What a line of a web server tells of a login.
fn told_by_servers<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    first_fit(&INDEX.servers, text, event)
}

/// What a line tells whose program is unknown.
pub(super) fn told_by_anybody<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let index = &*INDEX;
    let Anybody { headed, headless, hint } = &index.anybody;
    let bytes = text.as_bytes();
    if event.service.is_none()
        && let Some(lines) = index.openssh.headed.get(bytes.first()?)
        && let Some(told) = first_fit(lines, text, event)
    {
        return Some(told);
    }
    let told = headed.get(bytes.first()?).and_then(|lines| first_fit(lines, text, event));
    let front = &bytes[..bytes.len().min(HINT_BYTES_MAX)];
    told.or_else(|| hint.find(front).and_then(|_| first_fit(headless, text, event)))
}

fn first_fit<'a>(lines: &[ReadyLine], text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    lines.iter().find_map(|line| {
        line.template.fit(text)?.fill(event);
        Some(line.told)
    })
}

fn ready(lines: &'static [Line]) -> Vec<ReadyLine> {
    let ready = |line: &Line| ReadyLine {
        told: (line.event_type, line.severity),
        template: Template::new(line.template),
    };
    lines.iter().map(ready).collect()
}

impl Anybody {
    fn new(tables: &[&'static [Line]]) -> Self {
        let (mut headed, mut headless) = (FxHashMap::<_, Vec<_>>::default(), Vec::new());
        for line in tables.iter().flat_map(|lines| ready(lines)) {
            match line.template.head().as_bytes().first() {
                Some(first) => headed.entry(*first).or_default().push(line),
                None => headless.push(line),
            }
        }
        Self { headed, headless, hint: Finder::new(HINT) }
    }
}

impl Index {
    fn new() -> Self {
        let mut index = Self {
            programs: Vec::new(),
            exact: FxHashMap::default(),
            stems: Vec::new(),
            pam: ready(pam::LINES),
            servers: ready(web::AUTHENTICATION),
            openssh: Anybody::new(&[anybody::OPENSSH]),
            anybody: Anybody::new(&[mail::EXIM, anybody::UNMISTAKABLE]),
        };
        for (at, program) in PROGRAMS.iter().enumerate() {
            for name in program.names {
                match name.strip_suffix('*') {
                    Some(stem) => index.stems.push((stem, at)),
                    None => {
                        index.exact.entry(name).or_insert(at);
                    }
                }
            }
            let lines = ready(program.lines);
            index.programs.push(Known { event_type: program.event_type, reader: program.reader, lines });
        }
        index
    }
}

#[cfg(test)]
mod tests;
