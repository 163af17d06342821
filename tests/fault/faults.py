"""What goes wrong. Each does its harm to a running controller or its hosts, and gives back how it is mended, or None."""
import signal
import subprocess
import time

from hosts import kill

TO_HOSTS = set()  # names of faults after which hosts may be named as not put back
ALL = {}


def fault(to_hosts=False):
    def keep(f):
        ALL[f.__name__] = f
        if to_hosts:
            TO_HOSTS.add(f.__name__)
        return f
    return keep


def some_host(world):
    return world.random.choice(world.fleet.hosts)


# --- the controller

@fault()
def kill_controller(world, controller):
    kill([controller.process.pid])


@fault()
def kill_run(world, controller):
    kill(controller.runs())


@fault()
def kill_both(world, controller):
    kill([controller.process.pid, *controller.runs()])


@fault()
def interrupt(world, controller):
    """Ctrl-C once, or twice for those who cannot wait."""
    kill([controller.process.pid], signal.SIGINT)
    if world.random.random() < 0.5:
        time.sleep(world.random.uniform(0, 0.5))
        kill([controller.process.pid], signal.SIGINT)


@fault()
def rival(world, controller):
    """Somebody else resumes the same rollout at the same time, and looks at it."""
    world.call("resume", "shop", "--output", "json")
    world.call("status", "shop")


@fault()
def pull_cord(world, controller):
    world.call("stop", "shop", "--reason", "smoke")
    return lambda: world.call("stop", "shop", "--release")


@fault()
def pause(world, controller):
    world.call("pause", "shop")
    return lambda: world.call("resume", "shop") if controller.running() else None


@fault()
def fill_home(world, controller):
    filler = world.home / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True, check=False)
    return lambda: filler.unlink(missing_ok=True)


@fault()
def clock_forward(world, controller):
    world.clock.write_text("+7200\n")
    return lambda: world.clock.write_text("+0\n")


@fault()
def clock_back(world, controller):
    world.clock.write_text("-7200\n")
    return lambda: world.clock.write_text("+0\n")


CLOCKS = (clock_forward, clock_back)


# --- hosts

@fault(to_hosts=True)
def kill_sessions(world, controller):
    """The ssh sessions of a host end."""
    kill(some_host(world).sessions())


@fault(to_hosts=True)
def kill_helper(world, controller):
    kill(some_host(world).helpers())


@fault(to_hosts=True)
def hang_host(world, controller):
    """The host's sshd stands still, its sessions end."""
    host = some_host(world)
    kill(host.daemons(), signal.SIGSTOP)
    kill(host.sessions())
    return lambda: kill(host.daemons(), signal.SIGCONT)


@fault(to_hosts=True)
def mute_host(world, controller):
    """What the host sends is lost on the way."""
    return some_host(world).mute()


@fault(to_hosts=True)
def lose_host(world, controller):
    """The host as a whole: all its processes and its network. Later it boots again."""
    host = some_host(world)
    host.crash()
    return host.boot


@fault(to_hosts=True)
def lose_hosts(world, controller):
    """Several at once, as when a rack loses its power."""
    hosts = world.random.sample(world.fleet.hosts, 3)
    for host in hosts:
        host.mute()
    world.fleet.call("crash", *(h.name for h in hosts))
    return lambda: world.fleet.call("boot", *(h.name for h in hosts))


@fault(to_hosts=True)
def fill_host(world, controller):
    filler = some_host(world).path("/srv/shop/filler")
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=16k"], capture_output=True, check=False)
    return lambda: filler.unlink(missing_ok=True)


@fault(to_hosts=True)
def lose_all(world, controller):
    """A host, and the controller with its run in the same moment."""
    host = some_host(world)
    host.mute()
    kill([controller.process.pid, *controller.runs()])
    world.fleet.call("crash", host.name)
    return host.boot


@fault()
def nothing(world, controller):
    return None


# What `make check` has time for comes first.
ORDER = [kill_controller, lose_host, kill_run, fill_home, kill_both, lose_all, clock_forward, mute_host, fill_host, kill_sessions,
         interrupt, clock_back, kill_helper, lose_hosts, hang_host, rival, pause, pull_cord, nothing]
# Killed controllers and lost hosts come more often than the rest.
OFTEN = [*ORDER, kill_controller, kill_controller, kill_both, lose_host, lose_host]
