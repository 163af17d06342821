"""What andon's template engine makes of cases: tests/unit/template_eval, which reads and writes JSON lines."""
import hashlib
import json
import os
import subprocess
import tempfile

SECONDS = 60
LONGEST = 50000


def line_of(case):
    return json.dumps(dict(case, template=str(case['template']), all=True))


def brief(text):
    """A long text as its beginning, its length and its sum: enough to tell whether two are the same, and quick to look at."""
    return text if len(text) <= LONGEST else '%s... %d %s' % (text[:LONGEST], len(text), hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest())


def read(line):
    r = json.loads(line)
    if 'error' in r:
        return ['undefined' if r['code'] == -4 else 'error', r['error']]
    return ['ok', brief(r['repr']), r['type'], r['unsafe']]


class Engine:
    def __init__(self, path):
        self.path = path

    def some(self, cases):
        """Answers up to the first case that ends the program."""
        with tempfile.TemporaryFile('w+', encoding='utf-8') as f:
            f.write(''.join(line_of(c) + '\n' for c in cases))
            f.seek(0)
            p = subprocess.Popen([self.path], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, TZ='UTC', LC_ALL='C.UTF-8'))
            try:
                out, err = p.communicate(timeout=SECONDS)
                how = 'exit status %d: %s' % (p.returncode, err.decode('utf-8', 'replace')[-600:])
            except subprocess.TimeoutExpired:
                p.kill()
                out, how = p.communicate()[0], 'no answer in %d s' % SECONDS
        answers = [read(line) for line in out.decode('utf-8', 'surrogateescape').split('\n')[:-1]]
        if len(answers) < len(cases):
            answers.append(['crash', how])
        return answers

    def ask_all(self, cases):
        answers = []
        while len(answers) < len(cases):
            answers += self.some(cases[len(answers):])
        return answers
