// Inside of the check room: the state of one check and what its files offer each other.
#ifndef CHECK_INTERNAL_H
#define CHECK_INTERNAL_H

#include "check/check.h"
#include "check/scan.h"

#define CHECK_MAX_FILE ((size_t)4 << 20)

// A comment "andon: ignore CODE".
struct silence {
    unsigned line;   // of the comment
    unsigned target; // the line it is for, 0: the whole file
    int id;          // enum check_id, -1: no such code
    bool used;
};

struct source {
    const char *text; // NULL when it cannot be read
    size_t len;
    uint32_t *lines; // where lines start, made when first asked for
    size_t n_lines;
    struct silence *silences;
    size_t n_silences;
};

// A variable used somewhere.
struct use {
    const char *name;
    struct pos pos;
    const struct play *play;
    bool certain; // the task always runs and the expression always needs it
};

struct handler {
    const char *name; // a name or topic, maybe with templates
    struct pos pos;   // of the handler's task
    bool of_role;
};

struct notice {
    const char *name;
    struct pos pos;
};

struct vec {
    void *items;
    size_t len, cap, size;
};

struct check {
    struct check_opts opts;
    struct arena *a;
    struct loader *loader; // of the playbook or folder at hand
    struct vec loaders;    // all there were: findings and variables refer to their texts
    struct template_cache *cache;
    bool root_is_role;
    const char *root;                   // folder of a whole repository, NULL for one playbook
    struct source *sources[16384];      // by number of the file
    struct vec findings;                // struct check_finding
    struct dict *reported[CHECK_COUNT]; // positions of findings -> their number, to tell each once
    struct dict *cleared[CHECK_COUNT];  // positions of what was right in another context
    uint16_t canonical[16384];          // number of a file -> that of its plain name
    // what is known of variables
    struct dict *defined; // name -> position
    struct dict *guarded; // name -> true
    struct dict *outside; // name -> position, of group_vars and host_vars
    struct dict *near;    // undefined name -> u.str.s: a defined one like it, or NULL
    struct vec uses;      // struct use
    bool open;            // something sets variables whose names are not known
    // where the walk is
    const struct play *play;
    bool synthetic;               // a play made for a role or file that no playbook uses
    int maybe;                    // > 0: what is visited may never run
    int depth;                    // of dynamic includes
    struct vec handlers, notices; // of the play
    bool play_open;               // a role or file of the play was not found or is not known
    struct dict *entered;         // dynamic includes of the play already visited
    // of everything
    struct dict *seen_files; // with tasks that were visited
    struct dict *seen_tasks; // positions
    struct dict *seen_roles; // paths
    struct dict *seen_templates;
    struct dict *seen_nodes;    // positions of blocks and includes
    struct dict *seen_handlers; // positions
    struct dict *notified;      // names that are notified somewhere
    struct vec notify_patterns; // those with templates, for fnmatch
    struct vec all_handlers;    // struct handler, for what is never notified
    bool notifies_anything;     // a notify is all template
    struct dict *told_once;     // things told once
    struct dict *library;       // names of modules found in library folders
    struct dict *plugin_text;   // texts of filter and test plugins: path -> text
    struct dict *library_dirs;  // folders looked at
    struct dict *requirements;  // roles that requirements files list
    const char *ansible;        // folder of the installed Ansible, "" when there is none
    const char *routing;        // its table of moved plugins, "" when there is none
    bool unresolved;            // some role was not found
};

// --- report.c
void vec_add(struct vec *v, const void *item);
#define VEC_AT(v, type, i) (&((type *)(v)->items)[i])
void report(struct check *c, enum check_id id, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// With a severity of its own, where it is less certain than usual.
void report_as(struct check *c, enum check_id id, enum check_severity s, struct pos pos,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
// Notes that the thing at pos is right in one context: findings of the rule there are dropped.
void clear_finding(struct check *c, enum check_id id, struct pos pos);
// A warning where a whole repository is looked at, or in a play made for a role alone.
enum check_severity unless_whole(const struct check *c, enum check_severity s);
// True the first time for a kind and text.
bool first_time(struct check *c, const char *kind, const char *text);
// A position as a key of a dict, and whether a set of them does not have it yet (then it is added).
struct value pos_id(struct pos pos);
bool first_at(struct dict *set, struct pos pos);

// --- source.c
struct source *source_get(struct check *c, uint16_t file);
const char *source_line(struct check *c, uint16_t file, unsigned line, size_t *ret_len);
// Where a word stands in the text that a scalar at pos holds, as far as that can be told: line
// counts from 1 within the text.
struct pos source_find(struct check *c, struct pos pos, unsigned line, const char *word);
// Moves a position inside the text of a block scalar to where it is in the file.
struct pos source_inside(struct check *c, struct pos start, struct pos at);
void source_silence(struct check *c);

// --- names.c
void define(struct check *c, const char *name, struct pos pos);
// Notes every variable a document defines in any way, wherever it stands.
void define_document(struct check *c, const struct value *doc);
// Names in the text of an INI inventory.
void define_ini(struct check *c, const char *text);
bool is_magic(const char *name);
bool is_read_only_magic(const char *name);
bool is_identifier(const char *s);

// --- uses.c
// Templates in any value: syntax, and the variables they use. certain: it is always evaluated.
void use_value(struct check *c, const struct value *v, bool certain);
// Conditions: text or a list of texts.
void use_condition(struct check *c, const struct value *v, bool certain);
void use_expression(struct check *c, const struct value *v);
// A template file with the options of the task that names it (NULL: the usual ones).
void use_template_file(struct check *c, const char *path, const struct dict *args);
void use_template_dir(struct check *c, const char *dir);
void finish_uses(struct check *c);

// --- modules.c
// The loader's questions.
int module_exists(void *check, const char *name, const struct list *collections, struct err *e);
const char *module_near(void *check, const char *name);
// Looks for modules and plugins below a folder (library/, plugins/modules/, filter_plugins/, ...).
void add_library(struct check *c, const char *dir);
bool is_native(const char *name);
// 1: there is such a filter or test, 0: there is none, -1: not known.
int plugin_exists(struct check *c, const char *name, bool test);

// --- check.c
// Begins with a new loader that also looks for roles in these folders (ends with NULL).
void begin(struct check *c, const char *const *more_roles);
// Every variables file directly in a folder of a role or play (vars/, defaults/).
void read_vars_folder(struct check *c, const char *dir);
void read_vars_file(void *check, const char *path);
// A folder of group_vars or host_vars: its files, and the level they stand at.
void read_outside(struct check *c, const char *dir);
// A play made of values, for what no playbook uses.
void check_synthetic(struct check *c, const char *basedir, const struct value *ds);
// Whether a file is something that another room knows; then it has been checked.
bool is_other(struct check *c, const char *path);
// The problem callback of loaders.
void on_problem(void *check, enum load_problem kind, const struct err *e);
// True for the content of a file of tasks.
bool is_task_list(const struct value *doc);
// What no loader reads: a list of tasks as a play.
void check_task_file(struct check *c, const char *path);

// --- walk.c
void walk_playbook(struct check *c, const struct playbook *pb);
bool is_conditional(const struct check *c, const struct node *n);

// --- rules of tasks, nodes, plays and roles
void rule_parameters(struct check *c, const struct task *t);
void rule_keywords(struct check *c, const struct task *t);
void rule_modes(struct check *c, const struct task *t);
void rule_modules(struct check *c, const struct task *t);
void rule_conditions(struct check *c, const struct task *t);
void rule_files(struct check *c, const struct task *t);
void rule_idempotence(struct check *c, const struct task *t);
void rule_latest(struct check *c, const struct task *t);
void rule_names(struct check *c, const struct node *n);
void rule_role_vars(struct check *c, const struct role *r);
void rule_play_vars(struct check *c, const struct play *p);
void rule_vars_files(struct check *c, const struct play *p);
// Variables that include_vars may read at t.
void follow_include_vars(struct check *c, const struct task *t);

// --- handlers.c
void note_handlers(struct check *c, const struct task *t);
void note_notify(struct check *c, const struct node *n);
void rule_handlers(struct check *c);
void rule_same_handlers(struct check *c, const struct node_list *l);
void finish_handlers(struct check *c);

// --- files.c
// Calls fn for files that name (maybe with templates) can mean in a folder; the number of them.
typedef void candidate_fn(void *data, const char *path);
size_t each_candidate(struct check *c, const struct node *n, const char *dir, const char *name,
                      candidate_fn *fn, void *data);
// An argument as text without templates, or NULL.
const char *static_arg(const struct task *t, const char *key);
const char *any_arg(const struct task *t, const char *key);

#endif
