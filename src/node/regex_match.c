// Matches compiled regular expressions: backtracking on a stack of its own, with limits on steps
// and memory.
#include "node/regex_program.h"

#include <stdlib.h>
#include <string.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define MAX_STEPS 4000000u // where each is watched
#else
#define MAX_STEPS 200000000u
#endif
#define MAX_STACK 4000000u // entries
#define MAX_NEST 100

enum entry_kind { ENTRY_BRANCH, ENTRY_RESTORE, ENTRY_GREEDY, ENTRY_LAZY };

// One thing to go back to: another way on, a register's old value, or one character less or more of
// a repeat.
struct entry {
    uint32_t kind, pc; // RESTORE: pc is the register
    size_t pos, low;   // GREEDY: low is where the least is; LAZY: how many more may be taken
};

struct matcher {
    const struct regex *re;
    const char *s, *end;
    size_t *regs;
    struct entry *stack;
    size_t n, cap;
    unsigned steps;
    int nest;
    bool text, must_advance, limit;
    size_t begin; // where the attempt began
};

static bool push(struct matcher *m, struct entry entry)
{
    if (m->n == m->cap) {
        if (m->cap >= MAX_STACK) {
            m->limit = true;
            return false;
        }
        m->cap = m->cap ? m->cap * 2 : 256;
        m->stack = xrealloc(m->stack, m->cap * sizeof *m->stack);
    }
    m->stack[m->n++] = entry;
    return true;
}

static void set_reg(struct matcher *m, uint32_t reg, size_t value)
{
    if (push(m, (struct entry){.kind = ENTRY_RESTORE, .pc = reg, .pos = m->regs[reg]}))
        m->regs[reg] = value;
}

static size_t char_at(const struct matcher *m, size_t pos, uint32_t *ret)
{
    if (m->text)
        return re_decode(m->s + pos, m->end, ret);
    *ret = (unsigned char)m->s[pos];
    return 1;
}

static size_t step_back(const struct matcher *m, size_t pos)
{
    if (!m->text)
        return pos - 1;
    size_t to = pos - 1;
    for (int i = 0; i < 3 && to > 0 && ((unsigned char)m->s[to] & 0xc0) == 0x80; i++)
        to--;
    uint32_t c;
    return to + re_decode(m->s + to, m->end, &c) == pos ? to : pos - 1;
}

static size_t length(const struct matcher *m)
{
    return (size_t)(m->end - m->s);
}

// Takes one character as the instruction wants it: its length, or 0 when it does not match.
static size_t take_one(const struct matcher *m, const struct re_inst *in, size_t pos)
{
    uint32_t c;
    if (pos >= length(m))
        return 0;
    size_t n = char_at(m, pos, &c);
    bool ok = true;
    if (in->op == RE_CHAR)
        ok = c == in->x || (in->y && re_lower(c, m->text) == in->x);
    else if (in->op == RE_ANY)
        ok = c != '\n';
    else if (in->op == RE_SET)
        ok = re_in_set(m->re->sets[in->x], c, in->y, m->text);
    return ok ? n : 0;
}

static bool word_at(const struct matcher *m, size_t pos, bool wide)
{
    uint32_t c;
    if (pos >= length(m))
        return false;
    char_at(m, pos, &c);
    return re_in_class(c, CLASS_WORD, wide);
}

static bool word_edge(const struct matcher *m, size_t pos, bool wide)
{
    bool before = pos > 0 && word_at(m, step_back(m, pos), wide);
    return before != word_at(m, pos, wide);
}

static bool assertion(const struct matcher *m, const struct re_inst *in, size_t pos)
{
    size_t len = length(m);
    switch (in->op) {
    case RE_BOL:
        return pos == 0;
    case RE_BOL_MULTI:
        return pos == 0 || m->s[pos - 1] == '\n';
    case RE_EOL:
        return pos == len || (pos + 1 == len && m->s[pos] == '\n');
    case RE_EOL_MULTI:
        return pos == len || m->s[pos] == '\n';
    case RE_END:
        return pos == len;
    case RE_WORD_EDGE:
        return len && word_edge(m, pos, in->x);
    default:
        return len && !word_edge(m, pos, in->x);
    }
}

// Matches what a group matched before: its length in *ret.
static bool same_again(const struct matcher *m, const struct re_inst *in, size_t pos, size_t *ret)
{
    size_t from = m->regs[in->x * 2], to = m->regs[in->x * 2 + 1];
    if (from == REGEX_NONE || to == REGEX_NONE)
        return false;
    size_t at = pos;
    while (from < to) {
        uint32_t x, y;
        if (at >= length(m))
            return false;
        from += char_at(m, from, &x);
        at += char_at(m, at, &y);
        if (x != y && !(in->y && re_lower(x, m->text) == re_lower(y, m->text)))
            return false;
    }
    *ret = at - pos;
    return true;
}

static bool run(struct matcher *m, uint32_t pc, size_t pos, size_t *ret_end, bool whole);

// Drops the ways back above base but keeps what undoes registers.
static void keep_restores(struct matcher *m, size_t base)
{
    size_t to = base;
    for (size_t i = base; i < m->n; i++)
        if (m->stack[i].kind == ENTRY_RESTORE)
            m->stack[to++] = m->stack[i];
    m->n = to;
}

static void undo(struct matcher *m, size_t base)
{
    while (m->n > base) {
        const struct entry *entry = &m->stack[--m->n];
        if (entry->kind == ENTRY_RESTORE)
            m->regs[entry->pc] = entry->pos;
    }
}

// Runs the program inside an atomic group or look-around; what it matched cannot be given back.
static bool run_inside(struct matcher *m, uint32_t pc, size_t pos, size_t *ret_end, bool keep)
{
    size_t base = m->n;
    if (m->nest >= MAX_NEST) {
        m->limit = true;
        return false;
    }
    m->nest++;
    bool ok = run(m, pc, pos, ret_end, false);
    m->nest--;
    if (ok && keep)
        keep_restores(m, base);
    else
        undo(m, base);
    return ok;
}

static bool look(struct matcher *m, uint32_t pc, size_t pos)
{
    const struct re_inst *in = &m->re->code[pc];
    size_t end;
    for (uint32_t i = 0; i < in->y; i++) {
        if (pos == 0)
            return in->mode & RE_NEGATIVE;
        pos = step_back(m, pos);
    }
    bool negative = in->mode & RE_NEGATIVE;
    return run_inside(m, pc + 1, pos, &end, !negative) != negative;
}

// A repeat of one character; false when the least cannot be had.
static bool repeat(struct matcher *m, uint32_t pc, size_t *pos)
{
    const struct re_inst *in = &m->re->code[pc], *what = in + 1;
    uint32_t n = 0;
    size_t at = *pos, took;
    for (; n < in->x; n++) {
        if (!(took = take_one(m, what, at)))
            return false;
        at += took;
    }
    if (in->mode == RE_LAZY) {
        *pos = at;
        if (n < in->y)
            push(m,
                 (struct entry){ENTRY_LAZY, pc, at, in->y == REGEX_INF ? REGEX_NONE : in->y - n});
        return true;
    }
    size_t low = at;
    for (; n < in->y && (took = take_one(m, what, at)); n++, m->steps++)
        at += took;
    if (in->mode == RE_GREEDY && at > low)
        push(m, (struct entry){ENTRY_GREEDY, pc + 2, at, low});
    *pos = at;
    return true;
}

// Goes back to the last choice above base: where to go on, or false when there is none.
static bool go_back(struct matcher *m, size_t base, uint32_t *pc, size_t *pos)
{
    while (m->n > base) {
        struct entry *entry = &m->stack[m->n - 1];
        switch ((enum entry_kind)entry->kind) {
        case ENTRY_RESTORE:
            m->regs[entry->pc] = entry->pos;
            m->n--;
            continue;
        case ENTRY_BRANCH:
            *pc = entry->pc;
            *pos = entry->pos;
            m->n--;
            return true;
        case ENTRY_GREEDY:
            entry->pos = step_back(m, entry->pos);
            *pc = entry->pc;
            *pos = entry->pos;
            if (entry->pos <= entry->low)
                m->n--;
            return true;
        case ENTRY_LAZY: {
            size_t took = take_one(m, &m->re->code[entry->pc + 1], entry->pos);
            if (!took) {
                m->n--;
                continue;
            }
            entry->pos += took;
            *pc = entry->pc + 2;
            *pos = entry->pos;
            if (entry->low != REGEX_NONE && --entry->low == 0)
                m->n--;
            return true;
        }
        }
    }
    return false;
}

// One instruction: true to go on (pc and pos moved), false to go back. MATCH is left to run().
static bool step(struct matcher *m, uint32_t *pc, size_t *pos)
{
    const struct re_inst *in = &m->re->code[*pc];
    size_t n;
    switch ((enum re_op)in->op) {
    case RE_CHAR:
    case RE_ANY:
    case RE_ALL:
    case RE_SET:
        n = take_one(m, in, *pos);
        *pos += n;
        ++*pc;
        return n > 0;
    case RE_SAVE:
    case RE_MARK:
        set_reg(m, in->x, *pos);
        ++*pc;
        return true;
    case RE_JUMP:
        *pc = in->x;
        return true;
    case RE_SPLIT:
        *pc = in->x;
        return push(m, (struct entry){.kind = ENTRY_BRANCH, .pc = in->y, .pos = *pos});
    case RE_REPEAT:
        if (!repeat(m, *pc, pos))
            return false;
        *pc += 2;
        return true;
    case RE_BACKREF:
        if (!same_again(m, in, *pos, &n))
            return false;
        *pos += n;
        ++*pc;
        return true;
    case RE_EMPTY:
        *pc = m->regs[in->x] == *pos ? in->y : *pc + 1;
        return true;
    case RE_LOOK:
        if (!look(m, *pc, *pos))
            return false;
        *pc = in->x;
        return true;
    case RE_ATOMIC:
        if (!run_inside(m, *pc + 1, *pos, &n, true))
            return false;
        *pos = n;
        *pc = in->x;
        return true;
    case RE_COND:
        *pc = m->regs[in->x * 2 + 1] == REGEX_NONE ? in->y : *pc + 1;
        return true;
    case RE_BOL:
    case RE_BOL_MULTI:
    case RE_EOL:
    case RE_EOL_MULTI:
    case RE_END:
    case RE_WORD_EDGE:
    case RE_NOT_WORD_EDGE:
        ++*pc;
        return assertion(m, in, *pos);
    case RE_MATCH:
        break;
    }
    return false;
}

static bool run(struct matcher *m, uint32_t pc, size_t pos, size_t *ret_end, bool whole)
{
    size_t base = m->n;
    for (;;) {
        if (++m->steps > MAX_STEPS)
            m->limit = true;
        if (m->limit)
            return false;
        bool matched = m->re->code[pc].op == RE_MATCH;
        if (matched && !(whole && m->must_advance && pos == m->begin)) {
            *ret_end = pos;
            return true;
        }
        if ((matched || !step(m, &pc, &pos)) && !go_back(m, base, &pc, &pos))
            return false;
    }
}

// Tries at pos; 1, 0 or ERR_LIMIT.
static int attempt(struct matcher *m, size_t pos, struct regex_span *spans, struct err *e)
{
    size_t end;
    for (size_t i = 0; i < m->re->n_regs; i++)
        m->regs[i] = REGEX_NONE;
    m->n = 0;
    m->begin = pos;
    bool ok = run(m, 0, pos, &end, true);
    if (m->limit)
        return err_set(e, ERR_LIMIT, POS_NONE,
                       "the regular expression takes too long on this text");
    if (!ok)
        return 0;
    for (size_t i = 0; spans && i < m->re->n_groups; i++) {
        spans[i] = (struct regex_span){m->regs[i * 2], m->regs[i * 2 + 1]};
        if (spans[i].end == REGEX_NONE)
            spans[i].start = REGEX_NONE;
    }
    if (spans)
        spans[0] = (struct regex_span){pos, end};
    return 1;
}

static int find(const struct regex *r, const char *s, size_t len, size_t from, bool anchored,
                bool must_advance, struct regex_span *spans, struct err *e)
{
    size_t *regs = xcalloc(r->n_regs, sizeof *regs);
    struct matcher m = {.re = r, .s = s, .end = s + len, .regs = regs};
    m.text = (r->flags & REGEX_TEXT) != 0;
    m.must_advance = must_advance;
    const struct re_inst *first = r->code;
    while (first->op == RE_SAVE)
        first++;
    int rc = 0;
    for (size_t pos = from; pos <= len; m.must_advance = false) {
        bool hopeless = first->op == RE_CHAR && !first->y && first->x < 128 &&
                        (pos == len || (unsigned char)s[pos] != first->x);
        if (!hopeless && (rc = attempt(&m, pos, spans, e)) != 0)
            break;
        uint32_t c;
        if (anchored || pos == len || (first->op == RE_BOL && pos >= from))
            break;
        pos += char_at(&m, pos, &c);
    }
    free(m.stack);
    free(regs);
    return rc;
}

int regex_search(const struct regex *r, const char *s, size_t len, size_t from,
                 struct regex_span *spans, struct err *e)
{
    return find(r, s, len, from, false, false, spans, e);
}

int regex_match(const struct regex *r, const char *s, size_t len, size_t from,
                struct regex_span *spans, struct err *e)
{
    return find(r, s, len, from, true, false, spans, e);
}

// --- replacement
// -----------------------------------------------------------------------------------------------

static int bad_template(struct err *e, const char *what)
{
    return err_set(e, ERR_PARSE, POS_NONE, "%s in the replacement", what);
}

static int add_group(const struct regex *r, const char *s, const struct regex_span *spans,
                     int group, struct buf *out, struct err *e)
{
    if (group < 0 || (size_t)group >= r->n_groups)
        return bad_template(e, "invalid group reference");
    if (spans[group].start != REGEX_NONE)
        buf_add(out, s + spans[group].start, spans[group].end - spans[group].start);
    return 0;
}

// \g<name> or \g<1>, p behind the g; moves p.
static int expand_named(const struct regex *r, const char *s, const struct regex_span *spans,
                        const char **p, struct buf *out, struct err *e)
{
    const char *close = **p == '<' ? strchr(*p, '>') : NULL;
    if (!close || close == *p + 1)
        return bad_template(e, "missing group name");
    const char *name = *p + 1;
    size_t len = (size_t)(close - name);
    bool digits = strspn(name, "0123456789") >= len;
    int group = digits ? atoi(name) : regex_group_named(r, name, len);
    if (group < 0)
        return err_set(e, ERR_PARSE, POS_NONE, "unknown group name '%.*s'", (int)len, name);
    *p = close + 1;
    return add_group(r, s, spans, group, out, e);
}

static bool octal_digit(char c)
{
    return c >= '0' && c <= '7';
}

// One escape, p behind the backslash; moves p.
static int expand_escape(const struct regex *r, const char *s, const struct regex_span *spans,
                         const char **p, struct buf *out, struct err *e)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    char c = *(*p)++;
    if (c == 'g')
        return expand_named(r, s, spans, p, out, e);
    bool three = octal_digit(c) && c <= '3' && octal_digit((*p)[0]) && octal_digit((*p)[1]);
    if (c == '0' || three) {
        int v = c - '0';
        for (int i = 0; i < 2 && octal_digit(**p); i++)
            v = v * 8 + (*(*p)++ - '0');
        re_encode(out, (uint32_t)v & 0xff, r->flags & REGEX_TEXT);
        return 0;
    }
    if (c >= '1' && c <= '9') {
        int group = c - '0';
        if (**p >= '0' && **p <= '9')
            group = group * 10 + (*(*p)++ - '0');
        return add_group(r, s, spans, group, out, e);
    }
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        buf_addc(out, to[at - from]);
        return 0;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return err_set(e, ERR_PARSE, POS_NONE, "bad escape \\%c", c);
    if (c != '\\')
        buf_addc(out, '\\');
    if (c)
        buf_addc(out, c);
    else
        --*p;
    return 0;
}

int regex_expand(const struct regex *r, const char *s, const struct regex_span *spans,
                 const char *template, struct buf *out, struct err *e)
{
    for (const char *p = template; *p;) {
        if (*p != '\\') {
            buf_addc(out, *p++);
            continue;
        }
        if (!p[1])
            return bad_template(e, "bad escape (end of pattern)");
        p++;
        int rc = expand_escape(r, s, spans, &p, out, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

long regex_subn(const struct regex *r, const char *s, size_t len, const char *template,
                struct buf *out, struct err *e)
{
    struct regex_span *spans = xcalloc(r->n_groups, sizeof *spans);
    size_t pos = 0, copied = 0;
    bool must_advance = false;
    long n = 0;
    int rc = 0;
    while (pos <= len && (rc = find(r, s, len, pos, false, must_advance, spans, e)) == 1) {
        buf_add(out, s + copied, spans[0].start - copied);
        if ((rc = regex_expand(r, s, spans, template, out, e)) < 0)
            break;
        pos = copied = spans[0].end;
        must_advance = spans[0].end == spans[0].start;
        n++;
    }
    free(spans);
    if (rc < 0)
        return rc;
    buf_add(out, s + copied, len - copied);
    return n;
}
