"""Cases for service, sysvinit and systemd on hosts with init scripts. A fake systemctl stands in for the real one where
only the reading of its output is compared."""

# What Ansible's action plugin for service picks on such a host.
SYSV = {"ansible_module": "sysvinit"}


def service(**args):
    step = {"module": "service", "args": args, **SYSV, "without": ["use"]}
    if "check" in args:
        step["check"] = args.pop("check")
    return step


def generic(**args):
    step = {"module": "service", "args": dict(args, use="service"), "without": ["use"]}
    if "check" in args:
        step["check"] = args.pop("check")
        del step["args"]["check"]
    return step


def systemd(**args):
    step = {"module": "systemd", "args": args}
    if "check" in args:
        step["check"] = args.pop("check")
    return step


FILES = {"files": ["/var/lib/nginx", "/usr/bin/systemctl", "/root/calls"]}

SYSTEMCTL = r"""cat > /usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >> /root/calls
state=$(cat /root/state 2>/dev/null || echo inactive)
enabled=$(cat /root/enabled 2>/dev/null || echo disabled)
case "$*" in
*"show none"*|*"show 'none'"*) printf 'Id=none.service\nLoadState=not-found\nActiveState=inactive\n' ;;
*"show broken"*) printf 'Id=x\nLoadState=error\nLoadError=org.x "no"\nActiveState=inactive\n' ;;
*show*) printf 'Type=forking\nExecStart={ path=/usr/sbin/nginx ; argv[]=/usr/sbin/nginx -g x ;\n more } \n'
  printf 'Id=nginx.service\nDescription={ odd\nLoadState=loaded\nActiveState=%s\nUnitFileState=%s\n' $state $enabled ;;
*is-enabled*) echo $enabled; [ $enabled = enabled ] ;;
*unmask*) echo disabled > /root/enabled ;;
*mask*) echo masked > /root/enabled ;;
*enable*) echo enabled > /root/enabled ;;
*disable*) echo disabled > /root/enabled ;;
*restart*|*start*) echo active > /root/state ;;
*stop*) echo inactive > /root/state ;;
*reload*) case "$*" in *daemon-reload*) ;; *) echo "cannot reload" >&2; exit 1 ;; esac ;;
esac
END
chmod +x /usr/bin/systemctl; rm -f /root/state /root/enabled"""

CASES = {
    "service": [
        service(name="nginx", state="started", check=True),
        service(name="nginx", state="started"),
        service(name="nginx", state="started"),
        service(name="nginx", state="reloaded"),
        service(name="nginx", state="restarted"),
        service(name="nginx", state="stopped", check=True),
        service(name="nginx", state="stopped"),
        service(name="nginx", state="stopped"),
        service(name="nginx", enabled=False),
        service(name="nginx", enabled=False),
        service(name="nginx", enabled=True, check=True),
        service(name="nginx", enabled=True, state="started"),
        service(name="nginx", enabled=True, state="started"),
        service(name="nonesuch", state="started"),
        service(name="nginx"),
        service(name="cron", state="started", pattern="/usr/sbin/cron"),
        service(name="cron", state="stopped", arguments="x y"),
        {"module": "sysvinit", "args": {"name": "cron", "enabled": False, "runlevels": ["2", "3"]}},
        {"module": "sysvinit", "args": {"name": "cron", "enabled": False, "runlevels": ["2", "3"]}},
        {"module": "sysvinit", "args": {"name": "cron", "enabled": True, "runlevels": ["2"]}},
        "printf '#!/bin/sh\\necho \"odd output\"; exit 5\\n' > /etc/init.d/odd; chmod +x /etc/init.d/odd",
        service(name="odd", state="started"),
        FILES,
    ],
    "service generic": [
        generic(name="nginx", state="started", check=True),
        generic(name="nginx", state="started"),
        generic(name="nginx", state="started"),
        generic(name="nginx", state="restarted", sleep=1),
        generic(name="nginx", state="reloaded"),
        generic(name="nginx", state="stopped", enabled=False),
        generic(name="nginx", state="stopped", enabled=False),
        generic(name="nginx", enabled=True),
        generic(name="nginx", enabled=True, check=True),
        generic(name="nonesuch", state="started"),
        generic(name="cron", state="started", pattern="no such process at all"),
        FILES,
    ],
    "systemd": [
        systemd(name="nginx", state="started"),
        SYSTEMCTL,
        systemd(name="nginx", state="started", check=True),
        systemd(name="nginx", state="started"),
        systemd(name="nginx", state="started"),
        systemd(name="nginx.service", enabled=True),
        systemd(name="nginx", enabled=True, state="restarted", daemon_reload=True),
        systemd(name="nginx", state="reloaded"),
        systemd(name="nginx", enabled=False, no_block=True, force=True),
        systemd(name="nginx", masked=True),
        systemd(name="nginx", masked=True),
        systemd(name="nginx", masked=False),
        systemd(daemon_reload=True),
        systemd(daemon_reexec=True, scope="user"),
        systemd(name="nginx", state="stopped"),
        systemd(name="nginx", state="stopped"),
        systemd(name="none", state="started"),
        systemd(name="none", enabled=True),
        systemd(name="broken", state="started"),
        systemd(name="a*b", state="started"),
        systemd(state="started"),
        systemd(name="cron", state="started", enabled=True),
        FILES,
    ],
}
