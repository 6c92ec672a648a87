//! Users and groups made, changed and removed: the shadow tools, and passwd and its kin.

use super::{Line, line};
use crate::event::EventType::{AccountChange, Application};

pub(super) static SHADOW: &[Line] = &[
    line(AccountChange, "new user: name={user}, UID={uid}, GID={gid}{~}"),
    line(AccountChange, "new group: name={group}, GID={gid}"),
    line(AccountChange, "group added to {*}: name={group}, GID={gid}"),
    line(AccountChange, "group added to {*}: name={group}"),
    line(AccountChange, "group '{group}' removed{*}"),
    line(AccountChange, "group changed in {*}"),
    line(AccountChange, "removed group '{group}' owned by '{user}'"),
    line(AccountChange, "removed shadow group '{group}' owned by '{user}'"),
    line(AccountChange, "add '{user}' to group '{group}'"),
    line(AccountChange, "add '{user}' to shadow group '{group}'"),
    line(AccountChange, "delete '{user}' from group '{group}'"),
    line(AccountChange, "delete '{user}' from shadow group '{group}'"),
    line(AccountChange, "delete user '{user}'"),
    line(AccountChange, "delete user `{user}'"),
    line(AccountChange, "change user name '{user}' to '{new_user}'"),
    line(AccountChange, "change user '{user..}' {change..}"),
    line(AccountChange, "lock user '{user}' password"),
    line(AccountChange, "unlock user '{user}' password"),
    line(AccountChange, "expire user '{user}'{*}"),
    line(Application, "failed {*}").severity(17),
    line(Application, "cannot {*}").severity(17),
    line(Application, "user '{user}' already exists"),
    line(Application, "group '{group}' already exists"),
];

pub(super) static PASSWORDS: &[Line] = &[
    line(AccountChange, "password for '{user}' changed by '{by_user}'"),
    line(AccountChange, "password for {user} changed by {by_user}"),
    line(AccountChange, "password changed for {user}"),
    line(AccountChange, "changed password expiry for {user}"),
    line(AccountChange, "changed user '{user}' information"),
    line(AccountChange, "changed user '{user..}' shell to '{shell..}'"),
    line(AccountChange, "changed user `{user}' shell to `{shell..}'"),
    line(AccountChange, "user {user} added by {by_user} to group {group}"),
    line(AccountChange, "user {user} removed by {by_user} from group {group}"),
    line(AccountChange, "members of group {group} set by {by_user} to {*}"),
    line(AccountChange, "administrators of group {group} set by {by_user} to {*}"),
    line(AccountChange, "change password of group {group}"),
    line(AccountChange, "change the password for group {group} by {by_user}"),
    line(AccountChange, "remove password from group {group}"),
    line(AccountChange, "lock password for '{user}' by '{by_user}'"),
    line(AccountChange, "unlock password for '{user}' by '{by_user}'"),
];
