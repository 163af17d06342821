"""Cases for yum_repository."""
from cases_system import steps

repo = steps("yum_repository")

CASES = {
    "yum_repository": [
        repo(name="epel", description="Extra", baseurl="http://x.example/"),
        "mkdir -p /etc/yum.repos.d",
        repo(name="epel", description="Extra", baseurl="http://x.example/$releasever/", check=True),
        repo(name="epel", description="Extra", baseurl="http://x.example/$releasever/", gpgcheck=False, enabled=True),
        repo(name="epel", description="Extra", baseurl="http://x.example/$releasever/", gpgcheck=False, enabled=True),
        repo(name="epel", description="Extra", baseurl=["http://a/", "http://b/"], gpgkey="http://k/1", exclude=["a", "b*"],
             includepkgs="x y", keepcache="1", failovermethod="priority", mode="0600", owner="deploy"),
        repo(name="second", file="epel", description="Second one", metalink="http://m/", priority="10", **{"async": True}),
        repo(name="third", file="epel", description="Third", mirrorlist="http://m/", proxy="_none_", sslverify=False, timeout="5"),
        repo(name="second", file="epel", state="absent", check=True),
        repo(name="second", file="epel", state="absent"),
        repo(name="second", file="epel", state="absent"),
        repo(name="third", file="epel", state="absent"),
        repo(name="epel", state="absent"),
        repo(name="epel", state="absent"),
        repo(name="nourl", description="x"),
        repo(name="nodesc", baseurl="http://x/"),
        repo(name="x", description="x", baseurl="http://x", reposdir="/nonesuch"),
        "printf '# c\\n[one]\\nname=One\\nBaseURL = http://a\\n  http://b\\n\\n[two]\\nname: Two\\nenabled=0\\n' > /etc/yum.repos.d/old.repo",
        repo(name="two", file="old", description="Two", baseurl="http://two/", repo_gpgcheck=True),
    ],
}
