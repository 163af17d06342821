"""Cases for archive, compared by what Python's tarfile and zipfile find in what was made."""
from cases_system import steps

pack = steps("archive", "community.general", diff=False, ignore=["size", "state"],
             unordered=["archived", "expanded_paths", "expanded_exclude_paths", "missing"])

TREE = r"""mkdir -p /srv/a/sub/deep /srv/a/skip '/srv/a/with space' /srv/b; cd /srv/a
printf one > one.txt; printf two > two.log; head -c 70000 /dev/zero > zeros; printf x > sub/deep/x.txt; printf k > skip/k.txt
printf s > 'with space/-s.txt'; : > empty; ln -s one.txt link; ln -s sub dirlink; ln one.txt hard; printf b > /srv/b/b.txt
printf h > .hidden; mkdir "sub/$(printf 'n%.0s' $(seq 120))"; printf u > 'süß.txt'; chmod 640 two.log; chmod 1777 skip; chown 1000:1001 two.log
find /srv -exec touch -h -d '2020-02-02 02:02:02.5 UTC' {} +"""

# What an archive holds, into a file that is compared.
SHOW = r"""cat > /opt/show.py <<'END'
import hashlib, lzma, bz2, gzip, os, sys, tarfile, zipfile
for path in sys.argv[2:]:
    rows = []
    if not os.path.exists(path):
        rows.append("none")
    elif tarfile.is_tarfile(path):
        tar = tarfile.open(path)
        for t in tar.getmembers():
            data = tar.extractfile(t).read() if t.isfile() or t.islnk() else b""
            rows.append([t.name, t.type, oct(t.mode), t.uid, t.gid, t.uname, t.size, int(t.mtime), t.linkname, hashlib.md5(data).hexdigest()])
    elif zipfile.is_zipfile(path):
        z = zipfile.ZipFile(path)
        assert z.testzip() is None
        rows += [[i.filename, i.date_time, hex(i.CRC), i.file_size, hex(i.external_attr), i.compress_type, i.create_system, i.flag_bits]
                 for i in z.infolist()]
    else:
        opener = {"gz": gzip, "bz2": bz2, "xz": lzma}.get(path.rsplit(".")[-1])
        rows.append(hashlib.md5(opener.open(path).read() if opener else open(path, "rb").read()).hexdigest())
    with open("/opt/shown." + sys.argv[1], "a") as f:
        print(path, file=f)
        for row in sorted(rows, key=str):
            print(row, file=f)
END
"""


def show(name, *paths):
    return "python3 /opt/show.py %s %s" % (name, " ".join(paths))


END = {"files": ["/srv"]}

CASES = {
    "archive tar": [
        TREE, SHOW,
        pack(path="/srv/a", dest="/srv/a.tgz", check=True),
        pack(path="/srv/a", dest="/srv/a.tgz"),
        show("first", "/srv/a.tgz"),
        pack(path="/srv/a", dest="/srv/a.tgz"),
        "printf more >> /srv/a/one.txt; touch -d '2020-02-02 02:02:04 UTC' /srv/a/one.txt",
        pack(path="/srv/a", dest="/srv/a.tgz", mode="0600", owner="1000"),
        pack(path="/srv/a", dest="/srv/a.tgz", mode="0640", check=True),
        pack(path="/srv/a", dest="/srv/a.tar", format="tar"),
        pack(path="/srv/a/", dest="/srv/slash.tar.bz2", format="bz2"),
        pack(path=["/srv/a/*.txt", "/srv/b"], dest="/srv/more.tar.xz", format="xz"),
        pack(path=["/srv/a/*", "/srv/b/b.txt"], dest="/srv/left.tar.gz", exclude_path=["/srv/a/s*", "/srv/a/one.txt"]),
        pack(path="/srv/a", dest="/srv/pat.tar.gz", exclusion_patterns=["*.log", "a/skip*", "*/deep/*"]),
        pack(path=["/srv/a/one.txt", "/srv/nope"], dest="/srv/part.tar.gz"),
        pack(path=["/srv/nope"], dest="/srv/part.tar.gz"),
        pack(path=["/srv/nope"], dest="/srv/none.tar.gz"),
        pack(path="/srv/nope", dest="/srv/b/b.txt"),
        pack(path="/srv/nope/*", dest="/srv/none.tar.gz", ignore=["exception"]),
        pack(path="/srv/a"),
        pack(path=["/srv/a/one.txt", "/srv/b/b.txt"]),
        pack(path="/srv/a/one.txt", dest="/srv/one.tar.gz", force_archive=True),
        show("rest", "/srv/a.tgz", "/srv/a.tar", "/srv/slash.tar.bz2", "/srv/more.tar.xz", "/srv/left.tar.gz", "/srv/pat.tar.gz",
             "/srv/part.tar.gz", "/srv/none.tar.gz", "/srv/one.tar.gz"),
        "stat -c '%n %a %u %g' /srv/*.t* > /opt/stat",
        END,
    ],
    "archive single": [
        TREE, SHOW,
        pack(path="/srv/a/two.log", check=True),
        pack(path="/srv/a/two.log"),
        pack(path="/srv/a/two.log"),
        pack(path="/srv/a/two.log", check=True),
        "printf more >> /srv/a/two.log",
        pack(path="/srv/a/two.log"),
        pack(path="/srv/a/two.log", format="bz2", mode="0600"),
        pack(path="/srv/a/two.log", format="xz", dest="/srv/two.xz"),
        pack(path="/srv/a/zeros", format="tar"),
        pack(path="/srv/a/empty", dest="/srv/empty.gz"),
        pack(path="/srv/a/one.txt", format="gz", remove=True),
        "printf garbage > /srv/bad.gz",
        pack(path="/srv/a/two.log", dest="/srv/bad.gz"),
        show("all", "/srv/a/two.log.gz", "/srv/a/two.log.bz2", "/srv/two.xz", "/srv/a/zeros.tar", "/srv/empty.gz", "/srv/a/one.txt.gz",
             "/srv/bad.gz"),
        "find /srv | sort > /opt/left", END,
    ],
    "archive zip": [
        TREE, SHOW, "rm /srv/a/.hidden",
        pack(path="/srv/a", dest="/srv/a.zip", format="zip", check=True),
        pack(path="/srv/a", dest="/srv/a.zip", format="zip"),
        pack(path="/srv/a", dest="/srv/a.zip", format="zip"),
        "printf more >> /srv/a/two.log; touch -d '2020-02-02 02:02:04 UTC' /srv/a/two.log; touch -d '1971-01-01' /srv/b/b.txt",
        pack(path="/srv/a", dest="/srv/a.zip", format="zip"),
        pack(path="/srv/a/two.log", format="zip"),
        pack(path="/srv/a/two.log", format="zip"),
        pack(path=["/srv/a/sub", "/srv/a/skip"], dest="/srv/p.zip", format="zip", exclusion_patterns=["*/deep", "skip/*", "*.log"]),
        show("all", "/srv/a.zip", "/srv/a/two.log.zip", "/srv/p.zip"), END,
    ],
    "archive remove": [
        TREE, SHOW,
        pack(path="/srv/a", dest="/srv/a/x.tgz", remove=True),
        pack(path="/srv/a/sub", dest="/srv/sub.tgz", remove=True, check=True),
        pack(path="/srv/a/sub", dest="/srv/sub.tgz", remove=True),
        pack(path=["/srv/a/skip", "/srv/a/one.txt"], dest="/srv/some.tgz", exclusion_patterns=["*/k.txt"], remove=True),
        "rm /srv/a/link /srv/a/dirlink",
        pack(path=["/srv/a/*"], dest="/srv/rest.tar.bz2", format="bz2", remove=True),
        show("all", "/srv/sub.tgz", "/srv/some.tgz", "/srv/rest.tar.bz2"),
        "find /srv | sort > /opt/left", END,
    ],
}
