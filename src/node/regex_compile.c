// Compiles regular expressions: Python's syntax to a tree, the tree to instructions.
#include "node/regex_program.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 200

enum node_kind {
    NODE_EMPTY,
    NODE_ONE, // one instruction: character, any, set, assertion, back-reference
    NODE_CAT,
    NODE_ALT,
    NODE_REPEAT,
    NODE_GROUP,
    NODE_LOOK,
    NODE_ATOMIC,
    NODE_COND,
};

struct node {
    enum node_kind kind;
    struct re_inst inst;       // ONE
    struct node *left, *right; // children; CAT and ALT are pairs
    uint32_t min, max;         // REPEAT
    uint8_t mode;              // REPEAT, LOOK
    int group;                 // GROUP (0: not captured), COND
};

struct parser {
    struct arena *arena;
    struct regex *re;
    const char *start, *p, *end, *opened; // opened: the last ( seen
    unsigned flags;
    int depth;
    bool open[REGEX_MAX_GROUPS]; // group not closed yet: may not be referred to
    struct node *groups[REGEX_MAX_GROUPS];
    struct err *e;
};

// --- sets and characters
// ---------------------------------------------------------------------------------------

static void *grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return old;
    size_t new_cap = *cap ? *cap * 2 : 16;
    void *p = arena_alloc(a, new_cap * size);
    if (n)
        memcpy(p, old, n * size);
    *cap = new_cap;
    return p;
}

static struct node *fail(struct parser *ps, const char *what)
{
    if (!ps->e || !ps->e->code)
        err_set(ps->e, ERR_PARSE, POS_NONE, "%s at position %zu", what,
                (size_t)(ps->p - ps->start));
    return NULL;
}

static bool is_text(const struct parser *ps)
{
    return (ps->re->flags & REGEX_TEXT) != 0;
}

static bool wide_classes(const struct parser *ps)
{
    return is_text(ps) && !(ps->flags & REGEX_ASCII);
}

// The next character of the pattern, which must not be at its end.
static uint32_t next_char(struct parser *ps)
{
    uint32_t c = (unsigned char)*ps->p;
    ps->p += is_text(ps) ? re_decode(ps->p, ps->end, &c) : 1;
    return c;
}

static struct node *new_node(struct parser *ps, enum node_kind kind)
{
    struct node *n = arena_new_of(ps->arena, struct node);
    n->kind = kind;
    return n;
}

static struct node *one(struct parser *ps, enum re_op op, uint32_t x, uint32_t y)
{
    struct node *n = new_node(ps, NODE_ONE);
    n->inst = (struct re_inst){.op = (uint8_t)op, .x = x, .y = y};
    return n;
}

static bool folding(const struct parser *ps)
{
    return (ps->flags & REGEX_IGNORECASE) != 0;
}

static struct node *one_char(struct parser *ps, uint32_t c)
{
    return one(ps, RE_CHAR, folding(ps) ? re_lower(c, is_text(ps)) : c, folding(ps));
}

static void set_add(struct parser *ps, struct re_set *set, uint32_t lo, uint32_t hi, size_t *cap)
{
    for (uint32_t c = lo; c <= hi && c < 256; c++)
        set->bits[c >> 3] |= (uint8_t)(1u << (c & 7));
    if (hi < 256)
        return;
    set->ranges = grow(ps->arena, set->ranges, set->n_ranges, cap, sizeof *set->ranges);
    set->ranges[set->n_ranges++] = (struct re_range){lo < 256 ? 256 : lo, hi};
}

static void set_add_class(struct parser *ps, struct re_set *set, enum re_class class, bool negated)
{
    bool wide = wide_classes(ps);
    for (uint32_t c = 0; c < (wide ? 128u : 256u); c++)
        if (re_in_class(c, class, wide) != negated)
            set->bits[c >> 3] |= (uint8_t)(1u << (c & 7));
    if (wide && negated)
        set->not_classes |= (uint8_t)(1u << class);
    else if (wide)
        set->classes |= (uint8_t)(1u << class);
    else if (negated && is_text(ps)) {
        size_t cap = set->n_ranges;
        set_add(ps, set, 256, 0x10ffff, &cap);
    }
}

static struct node *one_set(struct parser *ps, struct re_set *set)
{
    struct regex *re = ps->re;
    re->sets = grow(ps->arena, re->sets, re->n_sets, &re->cap_sets, sizeof *re->sets);
    re->sets[re->n_sets] = set;
    return one(ps, RE_SET, (uint32_t)re->n_sets++, folding(ps));
}

// The class a letter behind a backslash stands for; false when it stands for none.
static bool class_letter(char c, enum re_class *ret, bool *ret_negated)
{
    static const char letters[] = "dsw";
    const char *at = strchr(letters, tolower((unsigned char)c));
    if (!c || !at)
        return false;
    *ret = (enum re_class)(at - letters);
    *ret_negated = isupper((unsigned char)c);
    return true;
}

static bool hex_digits(struct parser *ps, int n, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++, ps->p++) {
        if (ps->p >= ps->end || !isxdigit((unsigned char)*ps->p)) {
            fail(ps, "incomplete escape");
            return false;
        }
        char c = *ps->p;
        *ret =
            *ret * 16 +
            (uint32_t)(isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10);
    }
    return true;
}

// A character escape (the letter c is read already): \n, \x41, \u00e9, \., ... false after fail().
static bool char_escape(struct parser *ps, uint32_t c, uint32_t *ret)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    const char *at = c && c < 128 ? strchr(from, (int)c) : NULL;
    if (at) {
        *ret = (unsigned char)to[at - from];
        return true;
    }
    if (c == 'x')
        return hex_digits(ps, 2, ret);
    if (is_text(ps) && (c == 'u' || c == 'U'))
        return hex_digits(ps, c == 'u' ? 4 : 8, ret);
    if (c < 128 && isalpha((int)c)) {
        fail(ps, "bad escape");
        return false;
    }
    *ret = c;
    return true;
}

static bool is_octal(const struct parser *ps, const char *p)
{
    return p < ps->end && *p >= '0' && *p <= '7';
}

static uint32_t octal(struct parser *ps, int max)
{
    uint32_t v = 0;
    for (int i = 0; i < max && is_octal(ps, ps->p); i++)
        v = v * 8 + (uint32_t)(*ps->p++ - '0');
    return v;
}

// --- [...]
// -----------------------------------------------------------------------------------------------------

// One member of a class: a character (true) or a class escape added to the set (*ret_class). false
// after fail().
static bool set_member(struct parser *ps, struct re_set *set, uint32_t *ret, bool *ret_class)
{
    *ret_class = false;
    if (*ps->p != '\\') {
        *ret = next_char(ps);
        return true;
    }
    if (++ps->p >= ps->end) {
        fail(ps, "bad escape (end of pattern)");
        return false;
    }
    enum re_class class;
    bool negated;
    if (class_letter(*ps->p, &class, &negated)) {
        ps->p++;
        set_add_class(ps, set, class, negated);
        *ret_class = true;
        return true;
    }
    if (is_octal(ps, ps->p)) {
        *ret = octal(ps, 3);
        return true;
    }
    return char_escape(ps, next_char(ps), ret);
}

static struct node *parse_set(struct parser *ps)
{
    struct re_set *set = arena_new_of(ps->arena, struct re_set);
    size_t cap = 0;
    if (ps->p < ps->end && *ps->p == '^') {
        set->negated = true;
        ps->p++;
    }
    for (bool first = true;; first = false) {
        if (ps->p >= ps->end)
            return fail(ps, "unterminated character set");
        if (*ps->p == ']' && !first) {
            ps->p++;
            return one_set(ps, set);
        }
        uint32_t lo, hi;
        bool class, class2;
        if (!set_member(ps, set, &lo, &class))
            return NULL;
        if (ps->p + 1 < ps->end && *ps->p == '-' && ps->p[1] != ']') {
            ps->p++;
            if (!set_member(ps, set, &hi, &class2))
                return NULL;
            if (class || class2 || hi < lo)
                return fail(ps, "bad character range");
            set_add(ps, set, lo, hi, &cap);
        } else if (!class) {
            set_add(ps, set, lo, lo, &cap);
        }
    }
}

// --- escapes outside classes
// -----------------------------------------------------------------------------------

static struct node *backref(struct parser *ps, int group)
{
    if (group <= 0 || (size_t)group >= ps->re->n_groups)
        return fail(ps, "invalid group reference");
    if (ps->open[group])
        return fail(ps, "cannot refer to an open group");
    struct node *n = one(ps, RE_BACKREF, (uint32_t)group, folding(ps));
    n->left = ps->groups[group]; // for its width
    return n;
}

static struct node *parse_number_escape(struct parser *ps)
{
    const char *p = ps->p;
    if (*p == '0')
        return one_char(ps, octal(ps, 3));
    bool octal3 = p + 2 < ps->end && *p <= '3' && is_octal(ps, p) && is_octal(ps, p + 1) &&
                  is_octal(ps, p + 2);
    if (octal3)
        return one_char(ps, octal(ps, 3));
    int n = *ps->p++ - '0';
    if (ps->p < ps->end && isdigit((unsigned char)*ps->p))
        n = n * 10 + (*ps->p++ - '0');
    return backref(ps, n);
}

static struct node *parse_escape(struct parser *ps)
{
    if (ps->p >= ps->end)
        return fail(ps, "bad escape (end of pattern)");
    char c = *ps->p;
    enum re_class class;
    bool negated;
    if (isdigit((unsigned char)c))
        return parse_number_escape(ps);
    if (class_letter(c, &class, &negated)) {
        struct re_set *set = arena_new_of(ps->arena, struct re_set);
        ps->p++;
        set_add_class(ps, set, class, negated);
        return one_set(ps, set);
    }
    static const struct {
        char c;
        enum re_op op;
    } asserts[] = {{'A', RE_BOL}, {'Z', RE_END}, {'b', RE_WORD_EDGE}, {'B', RE_NOT_WORD_EDGE}};
    for (size_t i = 0; i < sizeof asserts / sizeof *asserts; i++)
        if (asserts[i].c == c) {
            ps->p++;
            return one(ps, asserts[i].op, wide_classes(ps), 0);
        }
    uint32_t ch;
    return char_escape(ps, next_char(ps), &ch) ? one_char(ps, ch) : NULL;
}

// --- groups
// ----------------------------------------------------------------------------------------------------

static struct node *parse_alt(struct parser *ps);

static bool take(struct parser *ps, const char *s)
{
    size_t n = strlen(s);
    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, s, n) != 0)
        return false;
    ps->p += n;
    return true;
}

static struct node *close_group(struct parser *ps, struct node *n)
{
    if (!n || take(ps, ")"))
        return n;
    ps->p = ps->opened; // that is where Python points
    return fail(ps, "missing ), unterminated subpattern");
}

static struct node *parse_capture(struct parser *ps, const char *name, size_t len)
{
    struct regex *re = ps->re;
    if (re->n_groups >= REGEX_MAX_GROUPS)
        return fail(ps, "too many groups");
    int group = (int)re->n_groups++;
    if (name) {
        if (regex_group_named(re, name, len) >= 0)
            return fail(ps, "redefinition of group name");
        re->names[re->n_names++] =
            (struct re_name){arena_strndup(ps->arena, name, len), len, group};
    }
    struct node *n = new_node(ps, NODE_GROUP);
    n->group = group;
    ps->groups[group] = n;
    ps->open[group] = true;
    n->left = parse_alt(ps);
    ps->open[group] = false;
    return n->left ? close_group(ps, n) : NULL;
}

// A name up to the closing character; NULL after fail().
static const char *parse_name(struct parser *ps, char close, size_t *ret_len)
{
    const char *s = ps->p;
    while (ps->p < ps->end && *ps->p != close)
        ps->p++;
    *ret_len = (size_t)(ps->p - s);
    if (ps->p >= ps->end || *ret_len == 0) {
        fail(ps, *ret_len ? "missing close of group name" : "missing group name");
        return NULL;
    }
    ps->p++;
    bool number = close == ')' && isdigit((unsigned char)*s); // (?(1)...)
    for (size_t i = 0; i < *ret_len; i++)
        if ((i == 0 && !number && isdigit((unsigned char)s[i])) ||
            !(isalnum((unsigned char)s[i]) || s[i] == '_' || (unsigned char)s[i] >= 128)) {
            fail(ps, "bad character in group name");
            return NULL;
        }
    return s;
}

static struct node *parse_look(struct parser *ps, uint8_t mode)
{
    struct node *n = new_node(ps, NODE_LOOK);
    n->mode = mode;
    n->left = parse_alt(ps);
    return n->left ? close_group(ps, n) : NULL;
}

static struct node *parse_cond(struct parser *ps)
{
    size_t len;
    const char *name = parse_name(ps, ')', &len);
    if (!name)
        return NULL;
    int group = isdigit((unsigned char)*name) ? atoi(name) : regex_group_named(ps->re, name, len);
    if (group <= 0 || group >= REGEX_MAX_GROUPS)
        return fail(ps, "invalid group reference");
    struct node *n = new_node(ps, NODE_COND), *body = parse_alt(ps);
    if (!body)
        return NULL;
    n->group = group;
    n->left = body;
    if (body->kind == NODE_ALT) {
        n->left = body->left;
        n->right = body->right;
        if (n->right->kind == NODE_ALT)
            return fail(ps, "conditional backref with more than two branches");
    }
    return close_group(ps, n);
}

static unsigned flag_of(char c)
{
    switch (c) {
    case 'i':
        return REGEX_IGNORECASE;
    case 'm':
        return REGEX_MULTILINE;
    case 's':
        return REGEX_DOTALL;
    case 'x':
        return REGEX_VERBOSE;
    case 'a':
        return REGEX_ASCII;
    case 'u':
    case 'L':
        return REGEX_TEXT << 16; // accepted, nothing to change
    default:
        return 0;
    }
}

// (?imsx), (?imsx-imsx:...): the flags are read; what they apply to follows.
static struct node *parse_flags(struct parser *ps)
{
    unsigned on = 0, off = 0, *to = &on;
    for (; ps->p < ps->end && *ps->p != ')' && *ps->p != ':'; ps->p++) {
        if (*ps->p == '-') {
            to = &off;
            continue;
        }
        if (!flag_of(*ps->p))
            return fail(ps, "unknown extension");
        *to |= flag_of(*ps->p) & 0xff;
    }
    if (ps->p >= ps->end)
        return fail(ps, "missing -, : or )");
    if (*ps->p++ == ')') {
        if (off)
            return fail(ps, "missing :");
        if (ps->p - ps->start > 64)
            return fail(ps, "global flags not at the start of the expression");
        ps->flags |= on;
        ps->re->flags |= on;
        return new_node(ps, NODE_EMPTY);
    }
    unsigned saved = ps->flags;
    ps->flags = (ps->flags | on) & ~off;
    struct node *n = parse_alt(ps);
    ps->flags = saved;
    return n ? close_group(ps, n) : NULL;
}

static struct node *parse_group(struct parser *ps)
{
    size_t len;
    const char *name;
    if (!take(ps, "?"))
        return parse_capture(ps, NULL, 0);
    if (take(ps, ":"))
        return close_group(ps, parse_alt(ps));
    if (take(ps, "P<"))
        return (name = parse_name(ps, '>', &len)) ? parse_capture(ps, name, len) : NULL;
    if (take(ps, "P=")) {
        if (!(name = parse_name(ps, ')', &len)))
            return NULL;
        int group = regex_group_named(ps->re, name, len);
        return group < 0 ? fail(ps, "unknown group name") : backref(ps, group);
    }
    if (take(ps, "="))
        return parse_look(ps, 0);
    if (take(ps, "!"))
        return parse_look(ps, RE_NEGATIVE);
    if (take(ps, "<="))
        return parse_look(ps, RE_BEHIND);
    if (take(ps, "<!"))
        return parse_look(ps, RE_BEHIND | RE_NEGATIVE);
    if (take(ps, "("))
        return parse_cond(ps);
    if (take(ps, ">")) {
        struct node *n = new_node(ps, NODE_ATOMIC);
        n->left = parse_alt(ps);
        return n->left ? close_group(ps, n) : NULL;
    }
    if (take(ps, "#")) {
        while (ps->p < ps->end && *ps->p != ')')
            ps->p++;
        return close_group(ps, new_node(ps, NODE_EMPTY));
    }
    return parse_flags(ps);
}

// --- sequences
// -------------------------------------------------------------------------------------------------

// {m}, {m,}, {,n}, {m,n}: true and read; false: an ordinary brace.
static bool parse_counts(struct parser *ps, uint32_t *min, uint32_t *max)
{
    const char *p = ps->p + 1;
    uint64_t lo = 0, hi = REGEX_INF;
    const char *digits = p;
    while (p < ps->end && isdigit((unsigned char)*p) && lo < REGEX_MAX_CODE)
        lo = lo * 10 + (uint64_t)(*p++ - '0');
    bool had = p > digits;
    if (p < ps->end && *p == ',') {
        const char *start = ++p;
        uint64_t v = 0;
        while (p < ps->end && isdigit((unsigned char)*p) && v < UINT32_MAX / 2)
            v = v * 10 + (uint64_t)(*p++ - '0');
        hi = p > start ? v : REGEX_INF;
        had = true;
        if (p == start && p - 1 == digits && !(p < ps->end && *p == '}'))
            return false;
    } else {
        hi = lo;
    }
    if (!had || p >= ps->end || *p != '}')
        return false;
    ps->p = p + 1;
    *min = (uint32_t)lo;
    *max = (uint32_t)hi;
    return true;
}

static struct node *parse_repeat(struct parser *ps, struct node *atom)
{
    while (ps->p < ps->end) {
        uint32_t min = 0, max = REGEX_INF;
        char c = *ps->p;
        if (c == '{') {
            if (!parse_counts(ps, &min, &max))
                return atom; // an ordinary character, next in the sequence
        } else if (c == '*' || c == '+' || c == '?') {
            ps->p++;
            min = c == '+';
            max = c == '?' ? 1 : REGEX_INF;
        } else {
            return atom;
        }
        bool assertion =
            atom->kind == NODE_ONE && atom->inst.op >= RE_BOL && atom->inst.op <= RE_NOT_WORD_EDGE;
        if (assertion)
            return fail(ps, "nothing to repeat");
        if (atom->kind == NODE_REPEAT && atom->group)
            return fail(ps, "multiple repeat");
        if (max < min)
            return fail(ps, "min repeat greater than max repeat");
        struct node *n = new_node(ps, NODE_REPEAT);
        n->left = atom;
        n->min = min;
        n->max = max;
        n->mode = take(ps, "?") ? RE_LAZY : take(ps, "+") ? RE_POSSESSIVE : RE_GREEDY;
        n->group = 1; // a repeat of this very place: may not be repeated again
        atom = n;
    }
    return atom;
}

static struct node *parse_atom(struct parser *ps)
{
    char c = *ps->p;
    bool multi = ps->flags & REGEX_MULTILINE;
    switch (c) {
    case '.':
        ps->p++;
        return one(ps, ps->flags & REGEX_DOTALL ? RE_ALL : RE_ANY, 0, 0);
    case '^':
        ps->p++;
        return one(ps, multi ? RE_BOL_MULTI : RE_BOL, 0, 0);
    case '$':
        ps->p++;
        return one(ps, multi ? RE_EOL_MULTI : RE_EOL, 0, 0);
    case '[':
        ps->p++;
        return parse_set(ps);
    case '\\':
        ps->p++;
        return parse_escape(ps);
    case '(': {
        ps->opened = ps->p++;
        struct node *n = parse_group(ps);
        if (n && n->kind == NODE_REPEAT) { // (?:a*)* is a repeat of a group, not of a repeat
            struct node *wrap = new_node(ps, NODE_CAT);
            wrap->left = n;
            wrap->right = new_node(ps, NODE_EMPTY);
            return wrap;
        }
        return n;
    }
    case '*':
    case '+':
    case '?':
        return fail(ps, "nothing to repeat");
    default:
        return one_char(ps, next_char(ps));
    }
}

static void skip_verbose(struct parser *ps)
{
    while ((ps->flags & REGEX_VERBOSE) && ps->p < ps->end) {
        if (isspace((unsigned char)*ps->p))
            ps->p++;
        else if (*ps->p == '#')
            while (ps->p < ps->end && *ps->p != '\n')
                ps->p++;
        else
            return;
    }
}

static struct node *parse_cat(struct parser *ps)
{
    struct node *first = new_node(ps, NODE_EMPTY), *last = NULL;
    for (;;) {
        skip_verbose(ps);
        if (ps->p >= ps->end || *ps->p == '|' || *ps->p == ')')
            return first;
        struct node *atom = parse_atom(ps);
        skip_verbose(ps);
        if (!atom || !(atom = parse_repeat(ps, atom)))
            return NULL;
        struct node *cat = new_node(ps, NODE_CAT);
        cat->left = atom;
        cat->right = new_node(ps, NODE_EMPTY);
        if (last)
            last->right = cat;
        else
            first = cat;
        last = cat;
    }
}

static struct node *parse_alt(struct parser *ps)
{
    if (++ps->depth > MAX_DEPTH)
        return fail(ps, "expression is nested too deep");
    struct node *n = parse_cat(ps), *last = NULL;
    while (n && ps->p < ps->end && *ps->p == '|') {
        ps->p++;
        struct node *alt = new_node(ps, NODE_ALT), *right = parse_cat(ps);
        if (!right)
            return NULL;
        alt->left = last ? last->right : n;
        alt->right = right;
        if (last)
            last->right = alt;
        else
            n = alt;
        last = alt;
    }
    ps->depth--;
    return n;
}

// --- code
// ------------------------------------------------------------------------------------------------------

struct emitter {
    struct arena *arena;
    struct regex *re;
    struct err *e;
};

static int emit(struct emitter *em, const struct node *n);

static size_t put(struct emitter *em, enum re_op op, uint32_t x, uint32_t y)
{
    struct regex *re = em->re;
    re->code = grow(em->arena, re->code, re->n_code, &re->cap_code, sizeof *re->code);
    re->code[re->n_code] = (struct re_inst){.op = (uint8_t)op, .x = x, .y = y};
    return re->n_code++;
}

static uint32_t here(const struct emitter *em)
{
    return (uint32_t)em->re->n_code;
}

static bool is_single(const struct node *n)
{
    return n->kind == NODE_ONE && n->inst.op <= RE_SET;
}

// Where one of the two choices of a split leads.
static void set_choice(struct emitter *em, size_t split, bool lazy, bool enter, uint32_t target)
{
    if (enter != lazy)
        em->re->code[split].x = target;
    else
        em->re->code[split].y = target;
}

static int emit_loop(struct emitter *em, const struct node *n)
{
    bool lazy = n->mode == RE_LAZY;
    uint32_t mark = (uint32_t)em->re->n_regs++;
    size_t split = put(em, RE_SPLIT, 0, 0);
    set_choice(em, split, lazy, true, here(em));
    put(em, RE_MARK, mark, 0);
    if (emit(em, n->left) < 0)
        return ERR_LIMIT;
    size_t empty = put(em, RE_EMPTY, mark, 0);
    put(em, RE_JUMP, (uint32_t)split, 0);
    em->re->code[empty].y = here(em);
    set_choice(em, split, lazy, false, here(em));
    return 0;
}

static int emit_copies(struct emitter *em, const struct node *n)
{
    bool lazy = n->mode == RE_LAZY;
    for (uint32_t i = 0; i < n->min; i++)
        if (emit(em, n->left) < 0)
            return ERR_LIMIT;
    if (n->max == REGEX_INF)
        return emit_loop(em, n);
    uint32_t optional = n->max - n->min;
    if (optional > REGEX_MAX_CODE)
        return err_set(em->e, ERR_LIMIT, POS_NONE, "the expression is too large");
    size_t *splits = arena_array(em->arena, size_t, optional + 1);
    for (uint32_t i = 0; i < optional; i++) {
        splits[i] = put(em, RE_SPLIT, 0, 0);
        set_choice(em, splits[i], lazy, true, here(em));
        if (emit(em, n->left) < 0)
            return ERR_LIMIT;
    }
    for (uint32_t i = 0; i < optional; i++)
        set_choice(em, splits[i], lazy, false, here(em));
    return 0;
}

static int emit_repeat(struct emitter *em, const struct node *n)
{
    if (is_single(n->left)) {
        size_t at = put(em, RE_REPEAT, n->min, n->max);
        em->re->code[at].mode = n->mode;
        return emit(em, n->left);
    }
    if (n->mode != RE_POSSESSIVE)
        return emit_copies(em, n);
    size_t at = put(em, RE_ATOMIC, 0, 0);
    struct node greedy = *n;
    greedy.mode = RE_GREEDY;
    if (emit_copies(em, &greedy) < 0)
        return ERR_LIMIT;
    put(em, RE_MATCH, 0, 0);
    em->re->code[at].x = here(em);
    return 0;
}

// The fixed number of characters n matches, or -1.
static long width(const struct node *n)
{
    long l, r;
    switch (n->kind) {
    case NODE_EMPTY:
    case NODE_LOOK:
        return 0;
    case NODE_ONE:
        return n->inst.op <= RE_SET ? 1 : n->inst.op == RE_BACKREF ? width(n->left) : 0;
    case NODE_CAT:
        l = width(n->left);
        r = width(n->right);
        return l < 0 || r < 0 ? -1 : l + r;
    case NODE_ALT:
        l = width(n->left);
        r = width(n->right);
        return l == r ? l : -1;
    case NODE_REPEAT:
        l = width(n->left);
        if (l == 0)
            return 0;
        return n->min == n->max && l >= 0 && n->min < 100000 ? l * (long)n->min : -1;
    case NODE_GROUP:
    case NODE_ATOMIC:
        return width(n->left);
    case NODE_COND:
        l = width(n->left);
        r = n->right ? width(n->right) : 0;
        return l == r ? l : -1;
    }
    return -1;
}

static int emit_look(struct emitter *em, const struct node *n)
{
    long w = n->mode & RE_BEHIND ? width(n->left) : 0;
    if (w < 0)
        return err_set(em->e, ERR_PARSE, POS_NONE, "look-behind requires fixed-width pattern");
    size_t at = put(em, RE_LOOK, 0, (uint32_t)w);
    em->re->code[at].mode = n->mode;
    if (emit(em, n->left) < 0)
        return ERR_LIMIT;
    put(em, RE_MATCH, 0, 0);
    em->re->code[at].x = here(em);
    return 0;
}

static int emit_alt(struct emitter *em, const struct node *n)
{
    size_t split = put(em, RE_SPLIT, here(em) + 1, 0);
    if (emit(em, n->left) < 0)
        return ERR_LIMIT;
    size_t jump = put(em, RE_JUMP, 0, 0);
    em->re->code[split].y = here(em);
    if (emit(em, n->right) < 0)
        return ERR_LIMIT;
    em->re->code[jump].x = here(em);
    return 0;
}

static int emit_cond(struct emitter *em, const struct node *n)
{
    size_t cond = put(em, RE_COND, (uint32_t)n->group, 0);
    if (emit(em, n->left) < 0)
        return ERR_LIMIT;
    size_t jump = put(em, RE_JUMP, 0, 0);
    em->re->code[cond].y = here(em);
    if (n->right && emit(em, n->right) < 0)
        return ERR_LIMIT;
    em->re->code[jump].x = here(em);
    return 0;
}

static int emit(struct emitter *em, const struct node *n)
{
    size_t at;
    if (em->re->n_code > REGEX_MAX_CODE)
        return err_set(em->e, ERR_LIMIT, POS_NONE, "the expression is too large");
    switch (n->kind) {
    case NODE_EMPTY:
        return 0;
    case NODE_ONE:
        at = put(em, (enum re_op)n->inst.op, n->inst.x, n->inst.y);
        em->re->code[at].mode = n->inst.mode;
        return 0;
    case NODE_CAT:
        for (; n->kind == NODE_CAT; n = n->right)
            if (emit(em, n->left) < 0)
                return ERR_LIMIT;
        return emit(em, n);
    case NODE_ALT:
        return emit_alt(em, n);
    case NODE_REPEAT:
        return emit_repeat(em, n);
    case NODE_GROUP:
        put(em, RE_SAVE, (uint32_t)n->group * 2, 0);
        if (emit(em, n->left) < 0)
            return ERR_LIMIT;
        put(em, RE_SAVE, (uint32_t)n->group * 2 + 1, 0);
        return 0;
    case NODE_LOOK:
        return emit_look(em, n);
    case NODE_ATOMIC:
        at = put(em, RE_ATOMIC, 0, 0);
        if (emit(em, n->left) < 0)
            return ERR_LIMIT;
        put(em, RE_MATCH, 0, 0);
        em->re->code[at].x = here(em);
        return 0;
    case NODE_COND:
        return emit_cond(em, n);
    }
    return 0;
}

// --- the whole
// -------------------------------------------------------------------------------------------------

struct regex *regex_compile(struct arena *a, const char *pattern, size_t len, unsigned flags,
                            struct err *e)
{
    struct err local = ERR_INIT;
    struct regex *re = arena_new_of(a, struct regex);
    re->flags = flags;
    re->n_groups = 1;
    struct parser ps = {.arena = a,
                        .re = re,
                        .start = pattern,
                        .p = pattern,
                        .end = pattern + len,
                        .flags = flags,
                        .e = &local};
    struct node *root = parse_alt(&ps);
    if (root && ps.p < ps.end)
        root = fail(&ps, "unbalanced parenthesis");
    re->n_regs = re->n_groups * 2;
    struct emitter em = {a, re, &local};
    bool ok = root && emit(&em, root) == 0;
    if (ok) {
        put(&em, RE_MATCH, 0, 0);
        return re;
    }
    err_move(e, &local);
    return NULL;
}

struct regex *regex_compile_str(struct arena *a, const char *pattern, unsigned flags, struct err *e)
{
    return regex_compile(a, pattern, strlen(pattern), flags, e);
}

unsigned regex_flags(const struct regex *r)
{
    return r->flags;
}

size_t regex_groups(const struct regex *r)
{
    return r->n_groups;
}

int regex_group_named(const struct regex *r, const char *name, size_t len)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (r->names[i].len == len && memcmp(r->names[i].name, name, len) == 0)
            return r->names[i].group;
    return -1;
}
