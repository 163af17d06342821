"""A stdout callback for Ansible that tells what happens in the lines of tests/unit/test_run_oracle.c."""
import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: told
type: stdout
short_description: one plain line per event
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "told"

    def say(self, *words):
        with open(os.environ["TOLD"], "a", encoding="utf-8") as f:
            f.write(" ".join(str(w) for w in words) + "\n")

    def message(self, result):
        module, msg = result._task.action.rsplit(".", 1)[-1], result._result.get("msg")
        if module not in ("debug", "fail", "assert") or msg is None or "results" in result._result:
            return []
        return [json.dumps(msg, sort_keys=True)]

    def tell(self, what, result, *more):
        action = result._task.action.rsplit(".", 1)[-1]
        # What Ansible does not show, or shows in several ways.
        if action == "meta" or (action in ("include_tasks", "include_role") and what.split()[-1] in ("ok", "changed")):
            return
        self.say(what, result._host.get_name(), *more, *self.message(result))

    def v2_playbook_on_play_start(self, play):
        self.say("play", play.get_name())

    def v2_playbook_on_no_hosts_matched(self):
        self.say("no hosts matched")

    def v2_playbook_on_no_hosts_remaining(self):
        self.say("no hosts remaining")

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action != "meta":
            self.say("task", task.get_name())

    def v2_playbook_on_handler_task_start(self, task):
        self.say("handler", task.get_name())

    def v2_playbook_on_include(self, included):
        self.say("include", os.path.basename(included._filename), ",".join(h.get_name() for h in included._hosts))

    def v2_runner_on_ok(self, result):
        self.tell("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell("failed", result, *(["ignored"] if ignore_errors else []))

    def v2_runner_on_skipped(self, result):
        self.tell("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.say("unreachable", result._host.get_name())

    def item(self, what, result):
        self.tell("item " + what, result, json.dumps(self._get_item_label(result._result), sort_keys=True))

    def v2_runner_item_on_ok(self, result):
        self.item("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_item_on_failed(self, result):
        self.item("failed", result)

    def v2_runner_item_on_skipped(self, result):
        self.item("skipped", result)

    def v2_runner_retry(self, result):
        self.say("retry", result._host.get_name(), result._result["retries"] - result._result["attempts"])

    def v2_playbook_on_stats(self, stats):
        for host in sorted(stats.processed):
            s = stats.summarize(host)
            self.say("stats", host, *(f"{k}={s['failures' if k == 'failed' else k]}" for k in
                                      ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")))
