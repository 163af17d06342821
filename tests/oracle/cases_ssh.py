"""Cases for authorized_key and known_hosts."""
from cases_system import steps

key = steps("authorized_key", "ansible.posix")
known = steps("known_hosts")
K1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1yV0Yq2Gd0m8Xk1yq3nJz2l4mJm2b6C0S5c9xS1aaa"
K2 = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7vbqajDhA5sQdVXhL7bbb two@example words"
K3 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1yV0Yq2Gd0m8Xk1yq3nJz2l4mJm2b6C0S5c9xS1ccc three'
FILE = "/home/deploy/.ssh/authorized_keys"
# the host keys of a server, made once: known_hosts lines need real ones
H1 = "example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGXXvnwtNqPPdkDpGEtpBrx2SW1vMDIkR8tL9HFYWdMf"
H1B = "example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
H2 = "[git.example.org]:2222,10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl c"

CASES = {
    "authorized_key": [
        key(user="deploy", key=K1, check=True),
        key(user="deploy", key=K1),
        key(user="deploy", key=K1),
        key(user="deploy", key=K1 + " a comment"),
        key(user="deploy", key=K2, key_options='no-pty,from="10.0.0.1,10.0.0.2",command="echo a b"'),
        key(user="deploy", key=K2, key_options='from="10.0.0.1,10.0.0.2",no-pty,command="echo a b"'),
        key(user="deploy", key="# note\n\n%s\n%s\n" % (K1, K3)),
        "printf '# kept\\n\\nrubbish line\\n' >> %s" % FILE,
        key(user="deploy", key=K3, comment="renamed", key_options="no-pty"),
        key(user="deploy", key=K1, state="absent", check=True),
        key(user="deploy", key=K1, state="absent"),
        key(user="deploy", key=K1, state="absent"),
        key(user="deploy", key='restrict,command="x y" ' + K1),
        key(user="deploy", key=K2, exclusive=True, check=True),
        key(user="deploy", key=K2 + "\n" + K3, exclusive=True),
        key(user="deploy", key=K2 + "\n" + K3, exclusive=True),
        key(user="deploy", key="no key at all"),
        key(user="nonesuch", key=K1),
        key(user="nonesuch", key=K1, check=True),
        key(user="root", key=K1, path="/etc/ssh/keys/root", manage_dir=False),
        key(user="root", key=K1, path="/etc/ssh/keys2/root", check=True),
        "touch /root/real; mkdir -p /root/l; ln -s /root/real /root/l/a; ln -s /root/real /root/l/b",
        key(user="root", key=K1, path="/root/l/a", follow=True, manage_dir=False),
        key(user="root", key=K1, path="/root/l/b", manage_dir=False),
    ],
    "known_hosts": [
        "mkdir -p /root/.ssh",
        known(name="example.org", key=H1, check=True),
        known(name="example.org", key=H1),
        known(name="Example.ORG", key=H1),
        known(name="example.org", key=H1B),
        known(name="[git.example.org]:2222", key=H2),
        known(name="[git.example.org]:2222", key=H2),
        known(name="10.0.0.1", key=H2),
        known(name="other.org", key=H1),
        known(name="a,b", key=H1),
        known(name="example.org"),
        known(name="example.org", state="absent", check=True),
        known(name="example.org", key=H1, state="absent"),
        known(name="example.org", key=H1B, state="absent"),
        known(name="example.org", state="absent"),
        known(name="10.0.0.1", state="absent", ignore=["diff"]),
        "rm -f /root/.ssh/known_hosts.old",
        known(name="example.org", key=H1, hash_host=True, ignore=["diff"], path="/tmp/hashed"),
        known(name="example.org", key=H1, hash_host=True, ignore=["diff"], path="/tmp/hashed"),
        known(name="example.org", key=H1, path="/tmp/hashed", ignore=["diff"]),
        known(name="example.org", key=H1, path="/nonesuch/dir/f", ignore=["msg"]),
    ],
}
