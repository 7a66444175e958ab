/* SPDX-License-Identifier: MIT
 * YAML texts and files -> nodes: places, variables, aliases, merge keys, includes, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/support/conf_files.h"

static const char *const joined[] = {"listen", "services", NULL};

/* the tree in one line: plain texts as they are, [lists], {mappings} */
static void write_node(FILE *to, const gw_node_t *node)
{
    if (node->kind == GW_NODE_SCALAR) {
        fprintf(to, gw_node_is_null(node) ? "~" : "%s", node->text.ptr);
        return;
    }
    putc(node->kind == GW_NODE_SEQUENCE ? '[' : '{', to);
    for (size_t i = 0; i != node->size; ++i) {
        fputs(i != 0 ? " " : "", to);
        if (node->kind == GW_NODE_MAPPING)
            fprintf(to, "%s:", node->pairs[i].key);
        write_node(to, node->kind == GW_NODE_SEQUENCE ? node->items[i] : node->pairs[i].value);
    }
    putc(node->kind == GW_NODE_SEQUENCE ? ']' : '}', to);
}

/* the tree, or else the findings; both when there are both */
static char *outcome(const gw_node_t *node, gw_diag_t *diag, const char *folder)
{
    char *text = NULL, *findings = conf_findings(diag, folder);
    size_t len;
    FILE *to = open_memstream(&text, &len);

    if (node != NULL) {
        write_node(to, node);
        putc('\n', to);
    }
    fputs(findings, to);
    fclose(to);
    free(findings);
    return text;
}

static char *outcome_of_text(const char *yaml, size_t len)
{
    gw_arena_t *arena = gw_arena_create();
    gw_diag_t *diag = gw_diag_create();
    char *text = outcome(gw_yaml_load_memory(arena, arena, "t.yaml", gw_str(yaml, len), diag), diag, NULL);

    gw_diag_free(diag);
    gw_arena_free(arena);
    return text;
}

static char *outcome_of_file(const char *folder, const char *name)
{
    gw_arena_t *arena = gw_arena_create();
    gw_diag_t *diag = gw_diag_create();
    const char *path = gw_arena_printf(arena, "%s/%s", folder, name);
    char *text = outcome(gw_yaml_load_file(arena, arena, path, joined, diag), diag, folder);

    gw_diag_free(diag);
    gw_arena_free(arena);
    return text;
}

static void expect(const char *about, char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        print_error("case: %s\n", about);
    assert_string_equal(actual, expected);
    free(actual);
}

static void texts_become_trees_or_findings(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"all kinds", "a: 1\nb: [x, 'y', \"z\"]\nc: {d: ~, e: ''}\nf: |\n  two\n  lines\n",
         "{a:1 b:[x y z] c:{d:~ e:} f:two\nlines\n}\n"},
        {"a byte order mark",
         "\xef\xbb\xbf"
         "a: 1\n",
         "{a:1}\n"},
        {"an alias", "a: &x [1, 2]\nb: *x\n", "{a:[1 2] b:[1 2]}\n"},
        {"an anchor that is given anew", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{a:1 b:1 c:2 d:2}\n"},
        {"the merge key: what is written wins", "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3, r: 4}\n",
         "{a:{p:1 q:2} b:{q:3 r:4 p:1}}\n"},
        {"a list of merges: the first one wins", "a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc: {<<: [*x, *y]}\n",
         "{a:{p:1} b:{p:2 q:3} c:{p:1 q:3}}\n"},
        {"a quoted << is a key", "'<<': 1\n", "{<<:1}\n"},
        {"a merge of something else", "a: {<<: 5}\n",
         "t.yaml:1:5: error: '<<' must be a mapping or a list of mappings, found '5'\n"},
        {"two merges", "a: &x {p: 1}\nb: {<<: *x, <<: *x}\n",
         "{a:{p:1} b:{p:1}}\nt.yaml:2:13: error: duplicate key '<<'\n  hint: give one '<<' a list: <<: [*first, "
         "*second]\n"},
        {"an unknown alias", "a: *x\n",
         "t.yaml:1:4: error: unknown alias '*x'\n  hint: anchors (&name) must stand before the alias, in the same "
         "file\n"},
        {"an alias inside of itself", "a: &x [*x]\n", "t.yaml:1:8: error: alias '*x' stands inside of what it names\n"},
        {"a duplicate key", "a: 1\nb: {c: 1, c: 2}\na: 3\n",
         "{a:1 b:{c:1}}\n"
         "t.yaml:2:11: error: duplicate key 'c'\n  hint: it is first set at t.yaml:2:5\n"
         "t.yaml:3:1: error: duplicate key 'a'\n  hint: it is first set at t.yaml:1:1\n"},
        {"a variable", "a: x${SLUICE_T}y\nb: '${SLUICE_T}'\n", "{a:xa: [b}y b:a: [b}}\n"},
        {"a default", "a: ${SLUICE_NO:-7}\nb: ${SLUICE_EMPTY:-8}\nc: ${SLUICE_NO:-}\n", "{a:7 b:8 c:}\n"},
        {"dollars", "a: $$5 $ $x $${y}\n", "{a:$5 $ $x ${y}}\n"},
        {"a key is left alone", "'${SLUICE_T}': 1\n", "{${SLUICE_T}:1}\n"},
        {"an unset variable", "a:\n  - ${SLUICE_NO}\n",
         "{a:[${SLUICE_NO}]}\nt.yaml:2:5: error: the environment variable 'SLUICE_NO' is not set\n"
         "  hint: ${NAME:-default} gives a default, and $$ stands for one '$'\n"},
        {"an open brace", "a: \"${SLUICE\"\n",
         "{a:${SLUICE}\nt.yaml:1:4: error: '${' without '}'\n  hint: ${NAME:-default} gives a default, and $$ stands "
         "for one '$'\n"},
        {"no name", "a: ${1x}\n",
         "{a:${1x}}\nt.yaml:1:4: error: '${1x}' does not name an environment variable\n"
         "  hint: ${NAME:-default} gives a default, and $$ stands for one '$'\n"},
        {"a variable that is no text", "a: ${SLUICE_BAD}\n",
         "{a:${SLUICE_BAD}}\nt.yaml:1:4: error: the environment variable 'SLUICE_BAD' is not valid UTF-8\n"
         "  hint: ${NAME:-default} gives a default, and $$ stands for one '$'\n"},
        {"nothing", "", "t.yaml:1:1: error: the file is empty\n"},
        {"only comments", "# a: 1\n", "t.yaml:1:1: error: the file is empty\n"},
        {"only a document mark", "---\n", "t.yaml:1:1: error: the file is empty\n"},
        {"a list", "- a\n", "t.yaml:1:1: error: the file must be a mapping (key: value), found a list\n"},
        {"a second document", "a: 1\n---\nb: 2\n",
         "t.yaml:2:1: error: a second YAML document\n  hint: further files can be named under 'include'\n"},
        {"a tab", "a:\n\tb: 1\n",
         "t.yaml:2:1: error: found character that cannot start any token\n  hint: indent with spaces, not with tabs\n"},
        {"an open list", "a: [1,\nb: 2\n",
         "t.yaml:3:1: error: did not find expected ',' or ']'\n"
         "  hint: while parsing a flow sequence that begins at line 1, column 4\n"},
        {"wrong indentation", "a: 1\n b: 2\n", "t.yaml:2:3: error: mapping values are not allowed in this context\n"},
        {"bytes that are no UTF-8", "a: 1\nb: \xc3\xa9\xff\n",
         "t.yaml:2:5: error: byte 0xff is not valid UTF-8\n  hint: save the file as UTF-8\n"},
        {"an overlong form", "a: \xc0\xaf\n",
         "t.yaml:1:4: error: byte 0xc0 is not valid UTF-8\n  hint: save the file as UTF-8\n"},
        {"UTF-16",
         "\xff\xfe"
         "a",
         "t.yaml:1:1: error: byte 0xff is not valid UTF-8\n  hint: save the file as UTF-8\n"},
        {"a control character", "a: \x01\n", "t.yaml:1:4: error: control character U+0001\n"},
        {"an escaped NUL", "a: \"x\\0y\"\n", "t.yaml:1:4: error: a text must not hold a NUL character\n"},
        {"an escaped NUL in a key", "\"x\\0y\": 1\n", "t.yaml:1:1: error: a key must not hold a NUL character\n"},
        {"a tag", "a: !!int 5\n",
         "t.yaml:1:4: error: tag 'tag:yaml.org,2002:int' is not understood\n  hint: leave the tag out\n"},
        {"a list as a key", "? [a]\n: 1\n", "t.yaml:1:3: error: a key must be a text, not a list or a mapping\n"},
        {"an alias as a key", "a: &x k\n*x : 1\n", "t.yaml:2:1: error: a key must be a text, not an alias\n"},
        {"an include in memory", "include: x.yaml\n",
         "t.yaml:1:1: error: 'include' needs a file, not a text in memory\n"},
    };

    setenv("SLUICE_T", "a: [b}", 1);
    setenv("SLUICE_EMPTY", "", 1);
    setenv("SLUICE_BAD", "\xff", 1);
    unsetenv("SLUICE_NO");
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        expect(cases[i].about, outcome_of_text(cases[i].yaml, strlen(cases[i].yaml)), cases[i].expected);
}

static void a_nul_byte_is_refused_with_its_place(void **state)
{
    expect("NUL", outcome_of_text("a: 1\nb: \0", 9), "t.yaml:2:4: error: a NUL character\n");
}

static void an_alias_bomb_is_refused(void **state)
{
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                               "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";

    expect("bomb", outcome_of_text(bomb, strlen(bomb)),
           "t.yaml:6:14: error: alias bomb: the aliases stand for more than 250000 nodes\n"
           "  hint: an alias stands for all that its anchor holds, aliases in there included\n");
}

static void a_merge_bomb_is_refused(void **state)
{
    char *text, *findings;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    fputs("a: &a {", to);
    for (int i = 0; i != 1000; ++i)
        fprintf(to, "k%d: 1, ", i);
    fputs("}\n", to);
    for (int i = 0; i != 1000; ++i)
        fprintf(to, "m%d: {<<: *a}\n", i);
    fclose(to);
    findings = outcome_of_text(text, len);
    assert_non_null(strstr(findings, "error: alias bomb"));
    free(findings);
    free(text);
}

static void nesting_has_a_limit(void **state)
{
    char deep[400] = "a: ";

    memset(deep + 3, '[', 300);
    expect("deep", outcome_of_text(deep, strlen(deep)),
           "t.yaml:1:68: error: more than 64 levels of lists and mappings\n");
}

static void places_count_from_one(void **state)
{
    static const char yaml[] = "a:\n  - b: x\n    c: \xc3\xa9 y\n";
    gw_arena_t *arena = gw_arena_create();
    gw_diag_t *diag = gw_diag_create();
    const gw_node_t *root = gw_yaml_load_memory(arena, arena, "t.yaml", GW_STR(yaml), diag);

    const gw_node_t *item = gw_node_find(root, "a")->items[0];
    assert_int_equal(item->at.line, 2);
    assert_int_equal(item->at.col, 5);
    assert_int_equal(item->pairs[1].at.line, 3);
    assert_int_equal(item->pairs[1].at.col, 5);
    assert_int_equal(item->pairs[1].value->at.col, 8);
    assert_string_equal(item->at.file, "t.yaml");
    assert_null(gw_node_find(root, "b"));
    gw_diag_free(diag);
    gw_arena_free(arena);
}

/* files are given as name, text, name, text, ..., NULL; the first one is loaded */
struct files {
    const char *about, *files[12], *expected;
};

static void includes_are_joined(void **state)
{
    static const struct files cases[] = {
        {"lists are appended, mappings joined, wildcards sorted",
         {"a.yaml", "include: conf.d/*.yaml\nlisten: [1]\nservices: {x: 1}\n", "conf.d/2.yaml",
          "listen: [3]\nservices: {z: 1}\n", "conf.d/1.yaml", "listen: [2]\nservices: {y: 1}\nworkers: 2\n"},
         "{listen:[1 2 3] services:{x:1 y:1 z:1} workers:2}\n"},
        {"a list of includes, one inside of another, relative to its own folder",
         {"a.yaml", "include: [d/b.yaml]\n", "d/b.yaml", "include: c.yaml\nb: 1\n", "d/c.yaml", "c: 1\n"},
         "{b:1 c:1}\n"},
        {"one text is a list of one",
         {"a.yaml", "include: b.yaml\nlisten: x\n", "b.yaml", "listen: y\n"},
         "{listen:[x y]}\n"},
        {"nothing on one side", {"a.yaml", "include: b.yaml\nlisten:\n", "b.yaml", "listen: [y]\n"}, "{listen:[y]}\n"},
        {"a wildcard without a match",
         {"a.yaml", "include: conf.d/*.yaml\nb: 1\n"},
         "{b:1}\na.yaml:1:10: warning: no file matches 'conf.d/*.yaml'\n"},
        {"a missing file",
         {"a.yaml", "include: b.yaml\n"},
         "a.yaml:1:10: error: there is no file 'b.yaml'\n  hint: the name is relative to the folder of this file\n"},
        {"an empty one",
         {"a.yaml", "include: b.yaml\na: 1\n", "b.yaml", "# nothing\n"},
         "{a:1}\nb.yaml:1:1: warning: the file is empty\n"},
        {"a mapping entry twice",
         {"a.yaml", "include: b.yaml\nservices: {x: 1}\n", "b.yaml", "services:\n  x: 2\n"},
         "{services:{x:1}}\nb.yaml:2:3: error: duplicate key 'x'\n  hint: it is first set at a.yaml:2:12\n"},
        {"a scalar twice",
         {"a.yaml", "include: b.yaml\nworkers: 1\n", "b.yaml", "workers: 2\n"},
         "{workers:1}\nb.yaml:1:1: error: duplicate key 'workers'\n  hint: it is first set at a.yaml:2:1\n"},
        {"itself", {"a.yaml", "include: a.yaml\n"}, "a.yaml:1:10: error: 'a.yaml' includes itself\n"},
        {"a cycle",
         {"a.yaml", "include: b.yaml\n", "b.yaml", "include: a.yaml\n"},
         "b.yaml:1:10: error: 'a.yaml' includes itself\n"},
        {"a file twice",
         {"a.yaml", "include: [b.yaml, b.yaml]\n", "b.yaml", "b: 1\n"},
         "a.yaml:1:19: error: 'b.yaml' is included twice\n  hint: it is first included at a.yaml:1:11\n"},
        {"a folder", {"a.yaml", "include: d\n", "d/x", ""}, "a.yaml:1:10: error: 'd' is a directory, not a file\n"},
        {"a mapping",
         {"a.yaml", "include: {b: c}\n"},
         "a.yaml:1:10: error: 'include' must be a file name or a list of them, found a mapping\n"},
        {"an error in there",
         {"a.yaml", "include: b.yaml\n", "b.yaml", "a: 1\n- b\n"},
         "b.yaml:2:1: error: did not find expected key\n  hint: while parsing a block mapping that begins at line 1, "
         "column 1\n"},
        {"a folder with a wildcard in its name",
         {"[x]/a.yaml", "include: b*\na: 1\n", "[x]/b.yaml", "b: 1\n", "x/b2.yaml", "c: 1\n"},
         "{a:1 b:1}\n"},
    };

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *folder = conf_folder_create();
        for (size_t k = 0; cases[i].files[k] != NULL; k += 2)
            free(conf_file_write(folder, cases[i].files[k], cases[i].files[k + 1], strlen(cases[i].files[k + 1])));
        expect(cases[i].about, outcome_of_file(folder, cases[i].files[0]), cases[i].expected);
        conf_folder_remove(folder);
    }
}

static void includes_have_a_limit(void **state)
{
    char *folder = conf_folder_create();

    for (int i = 0; i != 12; ++i) {
        char name[16], text[32];
        snprintf(name, sizeof(name), "%d", i);
        snprintf(text, sizeof(text), "include: '%d'\n", i + 1);
        free(conf_file_write(folder, name, text, strlen(text)));
    }
    expect("depth", outcome_of_file(folder, "0"), "8:1:10: error: more than 8 includes inside of each other\n");
    conf_folder_remove(folder);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    char *folder = conf_folder_create(), *path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(asprintf(&path, "%s/fifo", folder) > 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    free(path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    expect("a FIFO", outcome_of_file(folder, "fifo"), "fifo: error: 'fifo' is a FIFO, not a file\n");
    expect("a socket", outcome_of_file(folder, "socket"), "socket: error: 'socket' is a socket, not a file\n");
    expect("a folder", outcome_of_file(folder, "."), ".: error: '.' is a directory, not a file\n");
    expect("nothing", outcome_of_file(folder, "none"), "none: error: cannot open 'none': No such file or directory\n");
    expect("a device", outcome_of_file("/dev", "zero"), "zero: error: 'zero' is a character device, not a file\n");
    close(listener);
    conf_folder_remove(folder);
}

static void a_huge_file_is_refused(void **state)
{
    char *folder = conf_folder_create(), *path = conf_file_write(folder, "huge", "", 0);

    assert_int_equal(truncate(path, 1ll << 40), 0); /* nothing but a hole */
    expect("huge", outcome_of_file(folder, "huge"), "huge: error: 'huge' is larger than 4 MiB\n");
    free(path);
    conf_folder_remove(folder);
}

static void a_file_that_may_not_be_read_is_refused(void **state)
{
    char *folder = conf_folder_create(), *path = conf_file_write(folder, "closed", "a: 1\n", 5);

    chmod(path, 0);
    if (geteuid() == 0)
        print_message("root may read everything: not looked at\n");
    else
        expect("closed", outcome_of_file(folder, "closed"), "closed: error: cannot open 'closed': Permission denied\n");
    free(path);
    conf_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_trees_or_findings),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_place),
        cmocka_unit_test(an_alias_bomb_is_refused),
        cmocka_unit_test(a_merge_bomb_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(places_count_from_one),
        cmocka_unit_test(includes_are_joined),
        cmocka_unit_test(includes_have_a_limit),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
        cmocka_unit_test(a_huge_file_is_refused),
        cmocka_unit_test(a_file_that_may_not_be_read_is_refused),
    };

    return cmocka_run_group_tests_name("test_config_yaml", tests, NULL, NULL);
}
