"""Cases for cron."""


def cron(**args):
    step = {"module": "cron", "args": args, "diff": True, "ignore": ["backup_file"]}
    for key in ("check", "diff"):
        if key in args:
            step[key] = args.pop(key)
    return step


# Header lines that crontab itself writes hold a temporary name and a time; drop them before comparing.
STRIP = "for f in /var/spool/cron/crontabs/*; do [ ! -f $f ] || sed -i '/^# DO NOT EDIT/d; /^# (.*installed on/d; " \
        "/^# (Cron version/d' $f; done"

CASES = {
    "cron user": [
        cron(name="first", minute="5", hour="2", job="/bin/true > /dev/null"),
        cron(name="first", minute="5", hour="2", job="/bin/true > /dev/null"),
        cron(name="first", minute="*/10", job="/bin/true", check=True),
        cron(name="first", minute="*/10", job="/bin/true"),
        cron(name="second one", special_time="reboot", job="echo hi\n"),
        cron(name="second one", special_time="daily", job="echo hi", disabled=True),
        cron(name="PATH", env=True, job="/bin:/usr/bin"),
        cron(name="MAILTO", env=True, value="root", insertafter="PATH"),
        cron(name="SHELL", env=True, value="/bin/sh", insertbefore="MAILTO"),
        cron(name="X", env=True, value="1", insertbefore="NONE"),
        cron(name="MAILTO", env=True, value="me"),
        cron(name="MAILTO", env=True, value="me"),
        cron(name="MAILTO", env=True, state="absent"),
        cron(name="two words", env=True, value="x"),
        cron(name="deploy's", user="deploy", job="/bin/date", weekday="1-5", month="jan", day="1"),
        cron(name="deploy's", user="deploy", job="/bin/date", dow="1-5", month="jan", dom="1"),
        cron(name="b", job="x", backup=True),
        cron(name="b", job="x", backup=True),
        cron(name="first", state="absent"),
        cron(name="first", state="absent", check=True),
        cron(name="nl", job="a\nb", check=True),
        cron(name="both", special_time="daily", minute="1", job="x"),
        cron(name="nojob"),
        cron(name="u", user="nonesuch", job="x"),
        cron(name="u", job="x", insertafter="y"),
        "crontab -l > /root/x; echo '7 7 * * * adopt me' >> /root/x; crontab /root/x",
        cron(name="adopted", minute="7", hour="7", job="adopt me"),
        cron(name="second one", state="absent"),
        STRIP,
    ],
    "cron file": [
        cron(name="job", cron_file="mine", user="root", hour="3", minute="0", job="echo %x"),
        cron(name="job", cron_file="mine", user="root", hour="3", minute="0", job="echo %x"),
        cron(name="boot", cron_file="mine", user="deploy", special_time="reboot", job="y"),
        cron(name="A", env=True, value="b c", cron_file="mine", user="root"),
        cron(name="job", cron_file="mine", state="absent"),
        cron(name="nouser", cron_file="mine", job="x"),
        cron(name="boot", cron_file="mine", state="absent", check=True),
        cron(name="x", cron_file="/etc/cron.d/other.file", user="root", job="z"),
        cron(name="x", cron_file="/etc/cron.d/other.file", state="absent", check=True),
        cron(name="x", cron_file="/etc/cron.d/other.file", state="absent", diff=False),
        cron(name="x", cron_file="/etc/crontab", state="absent"),
        cron(name="x", cron_file="none", state="absent"),
        "printf '1 2 3 4 5 root no newline' > /etc/cron.d/nonl",
        cron(name="absent", cron_file="nonl", state="absent"),
    ],
}
