# The account must be there before files that belong to its group are unpacked.
getent group headrig >/dev/null || groupadd --system headrig
getent passwd headrig >/dev/null || useradd --system --gid headrig --home-dir /var/lib/headrig --no-create-home \
    --shell /usr/sbin/nologin --comment "headrig log shipper" headrig
exit 0
