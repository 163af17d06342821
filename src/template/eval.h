// The evaluator's own state: sessions, contexts, frames and output, shared by its files.
#ifndef TEMPLATE_EVAL_H
#define TEMPLATE_EVAL_H

#include "core/buf.h"
#include "template/ast.h"
#include "template/cache.h"

#include <stdbool.h>
#include <string.h>

#define NESTING_MAX 100           // templates being evaluated inside each other
#define STACK_BUDGET (144 * 1024) // bytes of C stack below the outermost call; tasks run on 256 KB
#define ROUNDS_MAX 10000000       // of all loops in one evaluation
#define MEMORY_MAX ((size_t)256 << 20) // for one evaluation with everything nested in it

// Slots hold values, or one of these in value.type.
#define SLOT_MISSING 0xf0
#define SLOT_LAZY 0xf1 // to be resolved when first read; u.str.s is the struct name

// Undefined that prints as nothing (an inline if without else), unlike Ansible's strict one.
#define UNDEFINED_LENIENT VALUE_PLAIN
// Undefined that a check run cannot know (unknown.c).
#define UNDEFINED_UNKNOWN VALUE_NATIVE_TEXT

enum memo_state { MEMO_BUSY = 1, MEMO_KNOWN, MEMO_MISSING, MEMO_FAILED };

struct memo_entry {
    uint32_t hash;
    uint8_t state; // enum memo_state, 0: free
    bool unsafe;
    const char *name; // of a template in use, or of the session's arena
    struct value v;
};

// One outermost call of the public interface with everything nested in it: variables are templated
// once per session.
struct template_session {
    struct arena *arena;
    const struct templar *owner;
    struct template_vars vars; // what the memo was made from
    const struct dict *locals;
    struct template_session *outer;
    char *stack; // address of the outermost frame
    struct memo_entry *memo;
    size_t memo_n, memo_size;
    struct vchunk *vtop; // stack of argument values
    const char *exc;     // Python class of the last error, NULL: AnsibleError
    struct ctx *cur;
    struct kept *kept;                // templates in use
    size_t arena_max;                 // of the arena before
    uint32_t rounds;                  // loops have made
    const struct template *failed_in; // the innermost expression that failed, and where it begins
    uint32_t failed_off;
    const char *lacks_member; // text of the member found missing last,
    const struct dict *lacks; // and what lacks it
};

struct kept {
    struct template *tpl;
    struct kept *next;
};

struct vchunk {
    struct vchunk *below, *above;
    size_t n, cap;
    struct value v[];
};

// Where rendered pieces go. A lone piece is kept as a value so that its type can be preserved.
struct out {
    struct buf *b;
    size_t nodes;
    struct value first;
    bool unsafe;
    bool text; // a lone piece is text too
};

struct block_stack {
    const struct name *name;
    struct block_impl *impls; // most derived first
    size_t n, cap;
    struct block_stack *next;
};

struct block_impl {
    const struct block *block;
    struct template *tpl;
};

// jinja2's context: the variables one template sees besides its frames.
struct ctx {
    struct template_session *ss;
    struct templar *t;
    struct template *tpl;
    struct dict *vars;     // assigned at the top level
    struct dict *exported; // names a module shows
    const struct dict *locals;
    bool globals_only; // imported without context: no variables
    bool convert;      // concatenated text is read as a literal where it looks like one
    bool native;
    bool condition; // the truth of the result is what counts
    bool autoescape;
    bool unsafe; // something unsafe was used
    bool mutates;
    struct pos pos;
    struct block_stack *blocks;
    struct template_opts opts;
    int depth; // of includes and imports
};

struct frame {
    struct frame *up;
    struct value slots[];
};

struct ev {
    struct ctx *ctx;
    struct frame *fr;
    struct out *out;
    struct arena *a;
    struct err *e;
    struct template *tpl;           // whose code runs
    struct template *parent;        // set by extends
    const struct block_impl *block; // being rendered
};

enum { FLOW_BREAK = 1, FLOW_CONTINUE = 2 };

// --- session.c
int session_enter(struct templar *t, struct arena *a, struct template_session *mine, struct err *e);
void session_leave(struct templar *t, struct template_session *mine);
// ERR_LIMIT when the C stack is used up.
// Gives the reference to tpl back when the session ends: names and constants of it may be in use
// till then.
void session_keep(struct template_session *ss, struct template *tpl);
int session_stack_used_up(struct pos pos, struct err *e);
static inline int session_check_stack(const struct template_session *ss, struct pos pos,
                                      struct err *e)
{
    const char *here = __builtin_frame_address(0);
    return ss->stack - here < STACK_BUDGET ? 0 : session_stack_used_up(pos, e);
}
// ERR_LIMIT when the evaluation took more memory than it may.
int session_check_memory(const struct arena *a, struct pos pos, struct err *e);
struct buf *session_buf(struct template_session *ss, struct buf *own);
void session_buf_done(struct template_session *ss, struct buf *b);
struct value *values_push(struct template_session *ss, size_t n);
void values_pop(struct template_session *ss, size_t n);

// --- resolve.c: a name of the context. *ret is SLOT_MISSING when there is no such variable.
int resolve_name(struct ev *ev, const struct name *name, struct value *ret);
// The play's variable untemplated: 1, 0 when there is none.
int find_raw(struct templar *t, struct arena *a, const struct name *n, struct value *raw,
             struct err *e);
// keys: those of mappings count too, as in what is printed; in a variable Ansible looks at values
// alone.
bool value_has_unsafe(const struct value *v, bool keys, int depth);
// True when templating with the usual delimiters would leave v as it is, which one look tells of
// nearly every variable; *unsafe is set when something in it is.
bool value_is_plain(const struct value *v, int depth, bool *unsafe);

// --- vaulted.c: values that stay encrypted until they are looked into
// True when something in v is encrypted; remembers that there are such values.
bool value_has_vault(const struct value *v);
// Decrypts what is encrypted in v, however deep.
int value_reveal(struct templar *t, struct arena *a, struct value *v, int depth, struct err *e);
// ERR_FAILED when a text in v that is marked as encrypted is not.
int value_check_vault(const struct value *v, int depth, struct err *e);
// Decrypts v when it is an encrypted text itself.
int value_reveal_text(struct templar *t, struct arena *a, struct value *v, struct err *e);
// Decrypts what a builtin is called with, but for those that hand values on as they are.
int call_reveal(struct call *c, builtin_fn *fn, struct err *e);

// --- locate.c: the place in the file of the expression at off in src, a scalar that begins at `at`
// or (whole_file) all of a file; msg may name what is to blame.
struct pos template_locate(struct arena *a, struct pos at, bool whole_file, const char *src,
                           size_t len, size_t off, const char *msg);

// --- suggest.c: the message of an undefined value, with what was meant instead
const char *undefined_text(struct templar *t, struct arena *a, const struct value *v);

// --- unknown.c: what a check run cannot know; these give 0 or ERR_UNKNOWN
// obj, a dict, has no such member: might it have one after a run?
int unknown_member(const struct value *obj, const char *key, struct pos pos, struct err *e);
// What a builtin is called with.
int unknown_call(const struct call *c, const struct builtin *fn, struct err *e);

// A constant, or a name's value that is at hand; NULL when it must be evaluated (by eval_raw).
static inline const struct value *eval_ready_raw(const struct ev *ev, const struct node *n)
{
    if (n->kind == N_CONST)
        return &n->u.value;
    if (n->kind != N_NAME)
        return NULL;
    const struct frame *f = ev->fr;
    for (unsigned d = n->depth; d > 0; d--)
        f = f->up;
    const struct value *slot = &f->slots[n->slot];
    return slot->type < SLOT_MISSING ? slot : NULL;
}

// The same but for an encrypted text, which eval_expr decrypts.
static inline const struct value *eval_ready(const struct ev *ev, const struct node *n)
{
    const struct value *v = eval_ready_raw(ev, n);
    return v && v->type == VALUE_STRING && v->flags & VALUE_VAULT ? NULL : v;
}

// --- eval_expr.c
// Remembers where an expression failed, unless one in it has.
int eval_failed(struct ev *ev, const struct node *n, int rc);
int eval_expr(struct ev *ev, const struct node *n, struct value *ret);
// As eval_expr, but an encrypted text stays one.
int eval_raw(struct ev *ev, const struct node *n, struct value *ret);
int eval_truth(struct ev *ev, const struct value *v, bool *ret);
// Whether an expression is true.
int eval_yes(struct ev *ev, const struct node *n, bool *ret);
int eval_undefined(struct ev *ev, const struct value *v); // raises
int assign_target(struct ev *ev, const struct node *target, const struct value *v, bool export);
struct value *slot_of(struct ev *ev, const struct node *n);

// --- eval_call.c
int eval_call(struct ev *ev, const struct node *n, struct value *ret);
// The call of a call block: caller is passed on.
int eval_call_with(struct ev *ev, const struct node *n, const struct value *caller,
                   struct value *ret);
int eval_filter(struct ev *ev, const struct node *n, const struct value *subject,
                struct value *ret);
int eval_test(struct ev *ev, const struct node *n, struct value *ret);
int call_value(struct ev *ev, const struct value *fn, const struct value *args, size_t n_args,
               const struct dict *kwargs, struct value *ret);

// --- eval_ops.c
int op_binary(struct ev *ev, enum binary_op op, const struct value *x, const struct value *y,
              struct value *ret);
int op_compare(struct ev *ev, enum compare_op op, const struct value *x, const struct value *y,
               bool *ret);
int op_negate(struct ev *ev, bool minus, const struct value *x, struct value *ret);
int op_slice(struct ev *ev, const struct value *obj, const struct value part[3], struct value *ret);
int type_error(struct ev *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int other_error(struct ev *ev, const char *exc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// --- eval_special.c: what strings and dates do with operators
int op_percent(struct ev *ev, const struct value *fmt, const struct value *args, struct value *ret);
// 1 done, 0 not for these operands, <0 error.
int op_special(struct ev *ev, enum binary_op op, const struct value *x, const struct value *y,
               struct value *ret);
bool op_special_compare(const struct value *x, const struct value *y, int *ret);

// --- access.c
int get_attr(struct ev *ev, const struct value *obj, const struct name *name,
             const struct builtin *dict_method, struct value *ret);
int get_item(struct ev *ev, const struct value *obj, const struct value *key, struct value *ret);
// What iterating over v gives; a list is given itself, so that it is live.
int iterate(struct ev *ev, const struct value *v, struct list **ret);
// Objects that stand for plain data become it.
int make_plain(struct ev *ev, const struct value *v, struct value *ret);
// As make_plain; functions become the text they print as.
int make_text(struct ev *ev, const struct value *v, struct value *ret);

// --- eval_stmt.c
int eval_body(struct ev *ev, const struct node_list *body); // 0, FLOW_*, <0
void enter_scope(struct ev *ev, const struct scope *s);
// The same for a further round of a loop: variables of the context are still what they were.
void enter_scope_again(struct ev *ev, const struct scope *s);
void enter_func(struct ev *ev, const struct func *f, struct frame *up);
// Runs the root of tpl (and of what it extends) in ev's context.
int eval_template(struct ev *ev, struct template *tpl);
int eval_for(struct ev *ev, const struct node *n);
int eval_captured(struct ev *ev, const struct node_list *body, struct value *ret);
void set_exported(struct ev *ev, const struct name *name, const struct value *v, bool shown);

// --- out.c
void out_init(struct out *o, struct buf *b);
// Appends a text where there are several pieces already and room; false: out_data must.
static inline bool out_add(struct out *o, const char *s, size_t n)
{
    struct buf *b = o->b;
    if (o->nodes < 2 || b->cap - b->len <= n || n >= OUTPUT_MAX - b->len)
        return false;
    memcpy(b->p + b->len, s, n);
    b->len += n;
    b->p[b->len] = '\0';
    return true;
}
int out_data(struct ev *ev, const struct value *text);
int out_value(struct ev *ev, const struct value *v, bool finalize);
// What the pieces make together: text, or the literal it spells.
int out_finish(struct ev *ev, struct out *o, struct value *ret);

// --- objects.c
struct value macro_value(struct ev *ev, const struct macro *m);
struct value bound_method(struct ev *ev, const struct value *self, const struct builtin *fn);
struct value builtin_value(struct ev *ev, const struct builtin *fn);
bool is_function(const struct value *v); // macros, methods, global functions
const struct builtin *engine_global(const char *name, size_t len);

// --- eval_block.c
int eval_block(struct ev *ev, const struct node *n);
int eval_include(struct ev *ev, const struct node *n);
int eval_import(struct ev *ev, const struct node *n);
int eval_extends(struct ev *ev, const struct node *n);
int run_block(struct ev *ev, const struct block_stack *s, size_t at, struct ctx *ctx);
void add_blocks(struct ctx *ctx, struct arena *a, struct template *tpl);
struct value self_value(struct ev *ev);

// --- literal.c
// Reads text as a Python literal as Ansible does (ast.literal_eval, JSON's words allowed). False
// when it is not one.
bool literal_eval(struct arena *a, const char *s, size_t len, bool json_words, struct value *ret);

// --- templar.c
// One template string in the context of t's variables (Ansible's do_template).
struct render {
    const struct template_opts *o;
    const char *name;
    enum cache_form form;
    struct pos pos;
};
int render_string(struct templar *t, struct arena *a, const char *text, size_t len,
                  const struct render *how, struct value *ret, struct err *e);
// template_value for what is nested in a session.
int template_nested(struct templar *t, struct arena *a, const struct value *in,
                    const struct template_opts *o, struct value *ret, struct err *e, int depth);

// --- lookup_call.c
int global_lookup(struct call *c, struct value *ret, struct err *e);
int global_query(struct call *c, struct value *ret, struct err *e);

#endif
