// The sorted tables of filters, tests, globals and lookups, and finding a row by name.
#include "template/hooks.h"
#include "template/rows.h"

#include <string.h>

// clang-format off
static const struct builtin filters[] = {
    {"abs", filter_abs, false, "The absolute value."},
    {"attr", filter_attr, JUDGES, "The attribute called name."},
    {"b64decode", filter_b64decode, false, "The text that Base64 stands for."},
    {"b64encode", filter_b64encode, false, "Base64 of the text."},
    {"basename", filter_basename, REFUSES, "The last component of a path."},
    {"batch", filter_batch, false, "Lists of linecount items each, the last one filled up with fill_with."},
    {"bool", filter_bool, false, "true for true, 1 and the words yes, on, 1, true; null stays; all else is false."},
    {"capitalize", filter_capitalize, false, "First character upper case, all others lower case."},
    {"center", filter_center, false, "Centred in width columns."},
    {"checksum", filter_sha1, false, "SHA-1 in hex."},
    {"combinations", filter_combinations, false, "All choices of r of the items."},
    {"combine", filter_combine, false, "Mappings merged into one, the last winning; recursive goes into nested ones, list_merge says what lists do."},
    {"comment", filter_comment, REFUSES, "The text as a comment: style plain, erlang, c, cblock or xml; decoration, prefix, beginning, end, ... adjust it."},
    {"commonpath", filter_commonpath, false, "The longest folder all paths of a list share."},
    {"count", filter_length, false, "Number of items, keys or characters."},
    {"d", filter_default, true, "The value, or default_value when it is undefined (or false, with boolean)."},
    {"default", filter_default, true, "The value, or default_value when it is undefined (or false, with boolean)."},
    {"dict2items", filter_dict2items, false, "A list of {key, value} mappings."},
    {"dictsort", filter_dictsort, false, "Pairs of key and value sorted by key (or by=\"value\")."},
    {"difference", filter_difference, false, "The items that are not in the other list, once each."},
    {"dirname", filter_dirname, REFUSES, "The folder part of a path."},
    {"e", filter_escape, false, "Special characters of HTML escaped; what is marked safe stays."},
    {"escape", filter_escape, false, "Special characters of HTML escaped; what is marked safe stays."},
    {"expanduser", filter_expanduser, REFUSES, "A leading ~ or ~user replaced by the home folder."},
    {"expandvars", filter_expandvars, REFUSES, "$NAME and ${NAME} replaced from the environment; unknown ones stay."},
    {"extract", filter_extract, false, "The item of a container that the value names, and further keys inside it."},
    {"fileglob", filter_fileglob, false, "The regular files that match a pattern."},
    {"filesizeformat", filter_filesizeformat, false, "A size in bytes for people: 1.3 MB (or MiB with binary)."},
    {"first", filter_first, false, "The first item."},
    {"flatten", filter_flatten, false, "Nested lists made one, levels deep when given; nulls are dropped unless skip_nulls is false."},
    {"float", filter_float, JUDGES, "A floating-point number; default when it is none."},
    {"forceescape", filter_forceescape, false, "Special characters of HTML escaped in any case."},
    {"format", filter_format, false, "printf-style formatting of the text with the arguments."},
    {"from_json", filter_from_json, false, "The data a JSON text holds."},
    {"from_yaml", filter_from_yaml, true, "The data a YAML text holds; what is not text stays."},
    {"from_yaml_all", filter_from_yaml_all, true, "The data of every document in a YAML text."},
    {"groupby", filter_groupby, false, "Pairs of a value of the attribute and the items that have it, sorted."},
    {"hash", filter_hash, false, "Hex digest by hashtype (sha1 unless given)."},
    {"human_readable", filter_human_readable, false, "A number of bytes (bits with isbits) as 1.00 KB, in unit when given."},
    {"human_to_bytes", filter_human_to_bytes, false, "The number of bytes (bits with isbits) that \"10M\" or \"2 KB\" stands for."},
    {"hwaddr", filter_hwaddr, false, "The hardware address when it is one, or in the form query names: bare, bool, cisco, linux, unix, win."},
    {"indent", filter_indent, REFUSES, "Lines indented by width blanks (or a text); the first one too with first, blank ones with blank."},
    {"int", filter_int, JUDGES, "A whole number; default when it is none."},
    {"intersect", filter_intersect, false, "The items that are in both lists, once each."},
    {"ipaddr", filter_ipaddr, false, "The address when it is one, or what query asks about it; lists are filtered."},
    {"ipmath", filter_ipmath, false, "The address moved by a number."},
    {"ipsubnet", filter_ipsubnet, false, "The network of an address; with a prefix length how many such networks it has, and with an index the one at it."},
    {"ipv4", filter_ipv4, false, "As ipaddr, for IPv4 only."},
    {"ipv6", filter_ipv6, false, "As ipaddr, for IPv6 only."},
    {"ipwrap", filter_ipwrap, false, "IPv6 addresses in brackets, everything else as it is."},
    {"items", filter_items, true, "Pairs of key and value; nothing for undefined."},
    {"items2dict", filter_items2dict, false, "The reverse of dict2items."},
    {"join", filter_join, false, "The items as one text with d between them, or an attribute of each."},
    {"json_query", filter_json_query, false, "What a JMESPath expression finds in the data."},
    {"last", filter_last, false, "The last item."},
    {"length", filter_length, false, "Number of items, keys or characters."},
    {"list", filter_list, false, "The items as a list; characters of a text, keys of a mapping."},
    {"log", filter_log, false, "The logarithm to base (e unless given)."},
    {"lower", filter_lower, false, "Lower case."},
    {"macaddr", filter_hwaddr, false, "The hardware address when it is one, or in the form query names: bare, bool, cisco, linux, unix, win."},
    {"mandatory", filter_mandatory, true, "The value; an error with msg when it is undefined."},
    {"map", filter_map, false, "A filter applied to every item, or an attribute of each."},
    {"max", filter_max, false, "The largest item."},
    {"md5", filter_md5, false, "MD5 in hex."},
    {"min", filter_min, false, "The smallest item."},
    {"network_in_network", filter_network_in_network, false, "The address or network of the argument lies inside the network."},
    {"network_in_usable", filter_network_in_network, false, "The address or network of the argument lies inside the network."},
    {"normpath", filter_normpath, false, "The path without double slashes, \".\" and \"..\"."},
    {"nthhost", filter_nthhost, false, "The nth address of a network."},
    {"password_hash", filter_password_hash, false, "A password as crypt(3) keeps it: sha512, sha256, md5 or blowfish."},
    {"path_join", filter_path_join, false, "Path components joined."},
    {"permutations", filter_permutations, false, "All orders of r of the items."},
    {"pow", filter_pow, false, "The value to the power of y."},
    {"pprint", filter_pprint, JUDGES, "The Python literal, over several lines when it is long."},
    {"product", filter_product, false, "Every combination of one item from each list."},
    {"quote", filter_quote, false, "Quoted for the shell."},
    {"random", filter_random, JUDGES, "A random item, or a number below the value (from start, in steps of step); the same for the same seed."},
    {"random_mac", filter_random_mac, false, "The MAC address prefix filled up with random bytes; the same for the same seed."},
    {"realpath", filter_realpath, REFUSES, "Absolute, with symbolic links resolved as far as the path exists."},
    {"regex_escape", filter_regex_escape, false, "Special characters escaped, for Python's or POSIX basic expressions."},
    {"regex_findall", filter_regex_findall, false, "All matches, as texts or (with groups) tuples."},
    {"regex_replace", filter_regex_replace, false, "Matches of pattern replaced (\\1 and \\g<name> stand for groups)."},
    {"regex_search", filter_regex_search, false, "The first match, or the groups asked for; null when there is none."},
    {"reject", filter_reject, false, "The items that fail a test (or are false)."},
    {"rejectattr", filter_rejectattr, false, "The items whose attribute fails a test (or is false)."},
    {"rekey_on_member", filter_rekey_on_member, false, "A mapping of the members of a list (or mapping) by one of their keys."},
    {"relpath", filter_relpath, REFUSES, "The path as seen from start (the current folder unless given)."},
    {"replace", filter_replace, false, "Every (or the first count) occurrence of old replaced by new."},
    {"reverse", filter_reverse, JUDGES, "Characters of a text or items of a sequence in reverse order."},
    {"root", filter_root, false, "The base-th root (square root unless given)."},
    {"round", filter_round, false, "Rounded to precision digits; method common, ceil or floor."},
    {"safe", filter_safe, false, "The text marked as already escaped."},
    {"select", filter_select, false, "The items that pass a test (or are true)."},
    {"selectattr", filter_selectattr, false, "The items whose attribute passes a test (or is true)."},
    {"sha1", filter_sha1, false, "SHA-1 in hex."},
    {"shuffle", filter_shuffle, false, "The items in random order; the same for the same seed."},
    {"slice", filter_slice, false, "The items dealt into slices lists."},
    {"sort", filter_sort, false, "Sorted, by attribute(s) when given; ignores case unless case_sensitive."},
    {"split", filter_split, REFUSES, "The pieces between sep (white space unless given), at most maxsplit cuts."},
    {"splitext", filter_splitext, REFUSES, "The path without its extension, and the extension."},
    {"strftime", filter_strftime, REFUSES, "The time second (now unless given; seconds since 1970) written by the format."},
    {"string", filter_string, false, "Text of any value."},
    {"striptags", filter_striptags, false, "Without HTML tags and comments, white space collapsed."},
    {"subelements", filter_subelements, JUDGES, "Pairs of an element and each item of a list inside it."},
    {"sum", filter_sum, false, "Sum of the items (or of their attribute), on top of start."},
    {"symmetric_difference", filter_symmetric_difference, false, "The items that are in one list only, once each."},
    {"ternary", filter_ternary, false, "true_val or false_val by truth; none_val for null when given."},
    {"title", filter_title, false, "Every word starts with an upper-case letter; words begin behind white space and any of -({[<."},
    {"to_datetime", filter_to_datetime, false, "The date a text stands for, read by format."},
    {"to_json", filter_to_json, JUDGES, "JSON in one line; indent, sort_keys, ensure_ascii and separators as json.dumps."},
    {"to_nice_json", filter_to_nice_json, JUDGES, "JSON over several lines, keys sorted."},
    {"to_nice_yaml", filter_to_nice_yaml, JUDGES, "YAML in block style, indented by 4."},
    {"to_uuid", filter_to_uuid, false, "The version 5 UUID of the text in a namespace (Ansible's unless given)."},
    {"to_yaml", filter_to_yaml, JUDGES, "YAML; collections of plain scalars in one line."},
    {"tojson", filter_tojson, JUDGES, "JSON that is safe inside HTML, keys sorted."},
    {"trim", filter_trim, false, "Without leading and trailing white space (or characters of chars)."},
    {"truncate", filter_truncate, false, "Cut to length characters, at a word's end unless killwords."},
    {"type_debug", filter_type_debug, true, "The Python name of the value's type."},
    {"union", filter_union, false, "The items of both lists, once each."},
    {"unique", filter_unique, false, "Every item once, in order of first appearance."},
    {"unvault", filter_unvault, false, "The text decrypted with the password secret; what is not encrypted stays as it is."},
    {"upper", filter_upper, false, "Upper case."},
    {"urldecode", filter_urldecode, false, "Percent-encoding and + undone."},
    {"urlencode", filter_urlencode, false, "Percent-encoded text, or a query string of a mapping or pairs."},
    {"urlize", filter_urlize, false, "URLs and mail addresses in a text made links."},
    {"urlsplit", filter_urlsplit, false, "The parts of a URL, or the one called query."},
    {"vault", filter_vault, false, "The text encrypted with the password secret, labelled vaultid (filter_default unless given)."},
    {"win_basename", filter_win_basename, REFUSES, "The last component of a Windows path."},
    {"win_dirname", filter_win_dirname, REFUSES, "The folder part of a Windows path."},
    {"win_splitdrive", filter_win_splitdrive, REFUSES, "Drive (or share) and rest of a Windows path."},
    {"wordcount", filter_wordcount, false, "Number of words."},
    {"wordwrap", filter_wordwrap, REFUSES, "Lines broken at width; wrapstring stands between them."},
    {"xmlattr", filter_xmlattr, false, "The items of a mapping as XML attributes; null and undefined ones left out."},
    {"zip", filter_zip, false, "Tuples of the items at the same place, as many as the shortest list has."},
    {"zip_longest", filter_zip_longest, false, "Tuples of the items at the same place, shorter lists filled up with fillvalue."},
};

static const struct builtin tests[] = {
    {"!=", test_ne, JUDGES, "Not equal."},
    {"<", test_lt, false, "Less than."},
    {"<=", test_le, false, "Less than or equal."},
    {"==", test_eq, JUDGES, "Equal."},
    {">", test_gt, false, "Greater than."},
    {">=", test_ge, false, "Greater than or equal."},
    {"abs", test_abs, REFUSES, "An absolute path."},
    {"all", test_all, false, "Every item is true."},
    {"any", test_any, false, "At least one item is true."},
    {"boolean", test_boolean, true, "true or false."},
    {"callable", test_callable, true, "A function or macro."},
    {"change", test_changed, true, "The task, or any item of its loop, changed something."},
    {"changed", test_changed, true, "The task, or any item of its loop, changed something."},
    {"contains", test_contains, JUDGES, "Has the argument as an item."},
    {"defined", test_defined, true, "There is a value."},
    {"directory", test_directory, REFUSES, "A folder."},
    {"divisibleby", test_divisibleby, false, "Divisible by num without remainder."},
    {"eq", test_eq, JUDGES, "Equal."},
    {"equalto", test_eq, JUDGES, "Equal."},
    {"escaped", test_escaped, true, "Text marked safe for HTML."},
    {"even", test_even, false, "An even number."},
    {"exists", test_exists, REFUSES, "There is something at the path."},
    {"failed", test_failed, true, "The task failed."},
    {"failure", test_failed, true, "The task failed."},
    {"false", test_false, true, "The value false itself."},
    {"falsy", test_falsy, JUDGES, "False in Python's eyes (words like \"no\" count with convert_bool)."},
    {"file", test_file, REFUSES, "A regular file."},
    {"filter", test_filter, false, "The name of a filter there is."},
    {"finished", test_finished, true, "The asynchronous task has finished."},
    {"float", test_float, true, "A floating-point number."},
    {"ge", test_ge, false, "Greater than or equal."},
    {"greaterthan", test_gt, false, "Greater than."},
    {"gt", test_gt, false, "Greater than."},
    {"in", test_in, true, "An item of the argument."},
    {"integer", test_integer, true, "A whole number."},
    {"is_abs", test_abs, REFUSES, "An absolute path."},
    {"is_dir", test_directory, REFUSES, "A folder."},
    {"is_file", test_file, REFUSES, "A regular file."},
    {"is_link", test_link, REFUSES, "A symbolic link."},
    {"is_mount", test_mount, REFUSES, "A mount point."},
    {"is_same_file", test_same_file, REFUSES, "Both paths lead to the same file."},
    {"isnan", test_nan, false, "Not a number."},
    {"issubset", test_subset, false, "All items are in the argument."},
    {"issuperset", test_superset, false, "All items of the argument are in it."},
    {"iterable", test_iterable, false, "Something a loop can go through."},
    {"le", test_le, false, "Less than or equal."},
    {"lessthan", test_lt, false, "Less than."},
    {"link", test_link, REFUSES, "A symbolic link."},
    {"link_exists", test_link_exists, REFUSES, "There is something at the path, be it a dangling link."},
    {"lower", test_lower, false, "Text in lower case."},
    {"lt", test_lt, false, "Less than."},
    {"mapping", test_mapping, true, "A mapping."},
    {"match", test_match, JUDGES, "The text begins with a match of the pattern."},
    {"mount", test_mount, REFUSES, "A mount point."},
    {"nan", test_nan, REFUSES, "Not a number."},
    {"ne", test_ne, JUDGES, "Not equal."},
    {"none", test_none, true, "Null."},
    {"number", test_number, true, "A number or a bool."},
    {"odd", test_odd, false, "An odd number."},
    {"reachable", test_reachable, true, "The host was reachable."},
    {"regex", test_regex, JUDGES, "As search, or as match_type says."},
    {"same_file", test_same_file, REFUSES, "Both paths lead to the same file."},
    {"sameas", test_sameas, true, "The very same object."},
    {"search", test_search, JUDGES, "There is a match of the pattern in the text."},
    {"sequence", test_sequence, true, "Something with a length and items: list, text, mapping."},
    {"skip", test_skipped, true, "The task was skipped."},
    {"skipped", test_skipped, true, "The task was skipped."},
    {"started", test_started, true, "The asynchronous task has started."},
    {"string", test_string, true, "Text."},
    {"subset", test_subset, false, "All items are in the argument."},
    {"succeeded", test_succeeded, true, "The task did not fail."},
    {"success", test_succeeded, true, "The task did not fail."},
    {"successful", test_succeeded, true, "The task did not fail."},
    {"superset", test_superset, false, "All items of the argument are in it."},
    {"test", test_test, false, "The name of a test there is."},
    {"true", test_true, true, "The value true itself."},
    {"truthy", test_truthy, JUDGES, "True in Python's eyes (words like \"no\" count with convert_bool)."},
    {"undefined", test_undefined, true, "There is no value."},
    {"unreachable", test_unreachable, true, "The host was unreachable."},
    {"upper", test_upper, false, "Text in upper case."},
    {"uri", test_uri, false, "A URI, of one of the schemes when given."},
    {"url", test_url, false, "A URL: a URI with a host (or file:)."},
    {"urn", test_urn, false, "A URN."},
    {"vault_encrypted", test_vault_encrypted, true, "A value that is still an encrypted !vault text."},
    {"version", test_version, false, "The version stands in relation operator to another; version_type says how they compare."},
    {"version_compare", test_version, false, "The version stands in relation operator to another; version_type says how they compare."},
};

static const struct builtin globals[] = {
    {"cycler", global_cycler, false, "An object whose next() goes through the items again and again."},
    {"dict", global_dict, false, "A mapping of another one (or of pairs) and keyword arguments."},
    {"joiner", global_joiner, false, "A function that gives nothing the first time and sep from then on."},
    {"lipsum", global_lipsum, false, "n paragraphs of placeholder text, as HTML unless html is false."},
    {"now", global_now, false, "The current time, as text in format fmt when given."},
    {"range", global_range, false, "The numbers from start up to stop in steps of step."},
    {"undef", global_undef, false, "An undefined value with a hint of its own."},
};

static const struct lookup_row lookups[] = {
    {"cartesian", lookup_nested, "Every combination of one item from each list."},
    {"config", lookup_config, "Settings of ansible.cfg; on_missing says what an unknown one does: error, warn or skip."},
    {"csvfile", lookup_csvfile, "The column col of the row of a CSV file that begins with the term."},
    {"dict", lookup_dict, "{key, value} mappings of the items of mappings."},
    {"env", lookup_env, "Environment variables; default (nothing) when one is not set."},
    {"file", lookup_file, "The content of files, without trailing white space unless rstrip is false."},
    {"fileglob", lookup_fileglob, "The regular files that match patterns."},
    {"first_found", lookup_first_found, "The first file there is among files (in paths); nothing with skip, else an error. The option _subdir (files unless given) is where the task at hand keeps its files."},
    {"flattened", lookup_flattened, "All items of lists inside lists."},
    {"indexed_items", lookup_indexed_items, "Pairs of position and item."},
    {"ini", lookup_ini, "The values of keys in an INI (or, with type=properties, a properties) file."},
    {"inventory_hostnames", lookup_inventory_hostnames, "Hosts that match patterns."},
    {"items", lookup_items, "The terms, lists among them taken apart."},
    {"lines", lookup_lines, "The lines commands print."},
    {"list", lookup_list_terms, "The terms as they are."},
    {"nested", lookup_nested, "Every combination of one item from each list."},
    {"password", lookup_password, "A password from a file, made at random (length, chars, seed) when there is none; hashed by encrypt."},
    {"pipe", lookup_pipe, "The output of commands."},
    {"random_choice", lookup_random_choice, "One of the terms."},
    {"sequence", lookup_sequence, "Texts of the numbers from start to end (or count of them) in steps of stride, by format."},
    {"subelements", lookup_subelements, "Pairs of an element and each item of a list inside it."},
    {"template", lookup_template, "Template files rendered; text that looks like data becomes data unless convert_data is false."},
    {"together", lookup_together, "Lists of the items at the same place, null where a list is too short."},
    {"unvault", lookup_unvault, "The decrypted content of files."},
    {"url", lookup_url, "What URLs give, by lines unless split_lines is false."},
    {"varnames", lookup_varnames, "Names of variables that match patterns."},
    {"vars", lookup_vars, "Variables by name; default when one is undefined."},
};

static const struct builtin str_methods[] = {
    {"__len__", str_method_len, false, "Number of characters."},
    {"capitalize", str_method_capitalize, false, "First character upper case, all others lower case."},
    {"casefold", str_method_casefold, false, "Case folded for comparison."},
    {"center", str_method_center, false, "Filled up on both sides."},
    {"count", str_method_count, false, "Number of occurrences that do not overlap."},
    {"encode", str_method_encode, false, "The bytes in an encoding."},
    {"endswith", str_method_endswith, false, "The text ends with a suffix (or one of a tuple)."},
    {"expandtabs", str_method_expandtabs, false, "Tabs replaced by blanks up to the next multiple of tabsize."},
    {"find", str_method_find, false, "Index of the first occurrence, -1 when there is none."},
    {"format", str_method_format, false, "Replacement fields filled from the arguments."},
    {"format_map", str_method_format_map, false, "Replacement fields filled from a mapping."},
    {"index", str_method_index, false, "As find, but an error when there is none."},
    {"isalnum", str_method_isalnum, false, "All characters are letters or digits."},
    {"isalpha", str_method_isalpha, false, "All characters are letters."},
    {"isascii", str_method_isascii, false, "All characters are ASCII."},
    {"isdecimal", str_method_isdecimal, false, "All characters are decimal digits."},
    {"isdigit", str_method_isdigit, false, "All characters are digits."},
    {"isidentifier", str_method_isidentifier, false, "A valid name."},
    {"islower", str_method_islower, false, "All cased characters are lower case, and there is one."},
    {"isnumeric", str_method_isnumeric, false, "All characters are numeric."},
    {"isprintable", str_method_isprintable, false, "All characters can be shown."},
    {"isspace", str_method_isspace, false, "All characters are white space."},
    {"istitle", str_method_istitle, false, "Every word begins with its only upper-case letter."},
    {"isupper", str_method_isupper, false, "All cased characters are upper case, and there is one."},
    {"join", str_method_join, false, "The items of a list with the text between them."},
    {"ljust", str_method_ljust, false, "Filled up on the right."},
    {"lower", str_method_lower, false, "Lower case."},
    {"lstrip", str_method_lstrip, false, "Without white space (or chars) at the start."},
    {"partition", str_method_partition, false, "What is before the first sep, sep, and what is behind it."},
    {"removeprefix", str_method_removeprefix, false, "Without the prefix, if it begins with it."},
    {"removesuffix", str_method_removesuffix, false, "Without the suffix, if it ends with it."},
    {"replace", str_method_replace, false, "Occurrences of old (the first count of them) replaced by new."},
    {"rfind", str_method_rfind, false, "Index of the last occurrence, -1 when there is none."},
    {"rindex", str_method_rindex, false, "As rfind, but an error when there is none."},
    {"rjust", str_method_rjust, false, "Filled up on the left."},
    {"rpartition", str_method_rpartition, false, "What is before the last sep, sep, and what is behind it."},
    {"rsplit", str_method_rsplit, false, "As split, cutting from the right."},
    {"rstrip", str_method_rstrip, false, "Without white space (or chars) at the end."},
    {"split", str_method_split, false, "Pieces between sep, at most maxsplit cuts."},
    {"splitlines", str_method_splitlines, false, "The lines, without their ends unless keepends."},
    {"startswith", str_method_startswith, false, "The text begins with a prefix (or one of a tuple)."},
    {"strip", str_method_strip, false, "Without white space (or chars) at both ends."},
    {"swapcase", str_method_swapcase, false, "Upper and lower case exchanged."},
    {"title", str_method_title, false, "Every word begins with an upper-case letter."},
    {"translate", str_method_translate, false, "Characters replaced by a mapping from code points."},
    {"upper", str_method_upper, false, "Upper case."},
    {"zfill", str_method_zfill, false, "Filled up with zeros behind the sign."},
};

static const struct builtin bytes_methods[] = {
    {"__len__", bytes_method, false, "Number of characters."},
    {"capitalize", bytes_method, false, "First character upper case, all others lower case."},
    {"center", bytes_method, false, "Filled up on both sides."},
    {"count", bytes_method, false, "Number of occurrences that do not overlap."},
    {"decode", str_method_decode, false, "Text of bytes in an encoding."},
    {"endswith", bytes_method, false, "The text ends with a suffix (or one of a tuple)."},
    {"expandtabs", bytes_method, false, "Tabs replaced by blanks up to the next multiple of tabsize."},
    {"find", bytes_method, false, "Index of the first occurrence, -1 when there is none."},
    {"hex", bytes_method_hex, false, "Two hexadecimal digits for each byte."},
    {"index", bytes_method, false, "As find, but an error when there is none."},
    {"isalnum", bytes_method, false, "All characters are letters or digits."},
    {"isalpha", bytes_method, false, "All characters are letters."},
    {"isascii", bytes_method, false, "All characters are ASCII."},
    {"isdigit", bytes_method, false, "All characters are digits."},
    {"islower", bytes_method, false, "All cased characters are lower case, and there is one."},
    {"isspace", bytes_method, false, "All characters are white space."},
    {"istitle", bytes_method, false, "Every word begins with its only upper-case letter."},
    {"isupper", bytes_method, false, "All cased characters are upper case, and there is one."},
    {"join", bytes_method, false, "The items of a list with the text between them."},
    {"ljust", bytes_method, false, "Filled up on the right."},
    {"lower", bytes_method, false, "Lower case."},
    {"lstrip", bytes_method, false, "Without white space (or chars) at the start."},
    {"partition", bytes_method, false, "What is before the first sep, sep, and what is behind it."},
    {"removeprefix", bytes_method, false, "Without the prefix, if it begins with it."},
    {"removesuffix", bytes_method, false, "Without the suffix, if it ends with it."},
    {"replace", bytes_method, false, "Occurrences of old (the first count of them) replaced by new."},
    {"rfind", bytes_method, false, "Index of the last occurrence, -1 when there is none."},
    {"rindex", bytes_method, false, "As rfind, but an error when there is none."},
    {"rjust", bytes_method, false, "Filled up on the left."},
    {"rpartition", bytes_method, false, "What is before the last sep, sep, and what is behind it."},
    {"rsplit", bytes_method, false, "As split, cutting from the right."},
    {"rstrip", bytes_method, false, "Without white space (or chars) at the end."},
    {"split", bytes_method, false, "Pieces between sep, at most maxsplit cuts."},
    {"splitlines", bytes_method, false, "The lines, without their ends unless keepends."},
    {"startswith", bytes_method, false, "The text begins with a prefix (or one of a tuple)."},
    {"strip", bytes_method, false, "Without white space (or chars) at both ends."},
    {"swapcase", bytes_method, false, "Upper and lower case exchanged."},
    {"title", bytes_method, false, "Every word begins with an upper-case letter."},
    {"upper", bytes_method, false, "Upper case."},
    {"zfill", bytes_method, false, "Filled up with zeros behind the sign."},
};

static const struct builtin list_methods[] = {
    {"__len__", list_method_len, false, "Number of items."},
    {"append", list_method_append, false, "An item added at the end."},
    {"clear", list_method_clear, false, "All items removed."},
    {"copy", list_method_copy, false, "A copy of the list (the items are shared)."},
    {"count", list_method_count, false, "Number of equal items."},
    {"extend", list_method_extend, false, "The items of another sequence added at the end."},
    {"index", list_method_index, false, "Position of the first equal item."},
    {"insert", list_method_insert, false, "An item put before index."},
    {"pop", list_method_pop, false, "The last item (or the one at index), removed."},
    {"remove", list_method_remove, false, "The first equal item removed."},
    {"reverse", list_method_reverse, false, "Reversed in place."},
    {"sort", list_method_sort, false, "Sorted in place; reverse turns the order."},
};

static const struct builtin dict_methods[] = {
    {"__len__", dict_method_len, false, "Number of keys."},
    {"__setitem__", dict_method_setitem, false, "A key set to a value."},
    {"clear", dict_method_clear, false, "All items removed."},
    {"copy", dict_method_copy, false, "A copy of the mapping (the values are shared)."},
    {"fromkeys", dict_method_fromkeys, false, "A mapping of keys to one value."},
    {"get", dict_method_get, false, "The value behind key, or default."},
    {"has_key", dict_method_has_key, false, "There is such a key."},
    {"items", dict_method_items, false, "Pairs of key and value."},
    {"iteritems", dict_method_items, false, "Pairs of key and value."},
    {"iterkeys", dict_method_keys, false, "The keys."},
    {"itervalues", dict_method_values, false, "The values."},
    {"keys", dict_method_keys, false, "The keys."},
    {"pop", dict_method_pop, false, "The value behind key (or default), removed."},
    {"popitem", dict_method_popitem, false, "The last pair of key and value, removed."},
    {"setdefault", dict_method_setdefault, false, "The value behind key, which is set to default when it is missing."},
    {"update", dict_method_update, false, "The items of another mapping (or of pairs, or keyword arguments) put in."},
    {"values", dict_method_values, false, "The values."},
};

static const struct builtin int_methods[] = {
    {"as_integer_ratio", int_method_as_integer_ratio, false, "The number over one."},
    {"bit_count", int_method_bit_count, false, "Ones in the binary form of the absolute value."},
    {"bit_length", int_method_bit_length, false, "Bits needed for the absolute value."},
    {"conjugate", int_method_conjugate, false, "The number itself."},
};

static const struct builtin float_methods[] = {
    {"conjugate", float_method_conjugate, false, "The number itself."},
    {"is_integer", float_method_is_integer, false, "A whole number."},
};
// clang-format on

// The row called name in a sorted table, whatever the rows are (the name comes first in all of
// them).
static const void *find(const void *rows, size_t n, size_t size, const char *name, size_t len)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const char *const *row = (const char *const *)((const char *)rows + mid * size);
        int cmp = strncmp(name, *row, len);
        if (!cmp && (*row)[len])
            cmp = -1;
        if (!cmp)
            return row;
        if (cmp < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

// Names may be written with the collection they come from.
static void drop_collection(const char **name, size_t *len)
{
    static const char *const collections[] = {"ansible.builtin.", "ansible.legacy.",
                                              "ansible.netcommon.", "ansible.utils.",
                                              "community.general."};
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        size_t n = strlen(collections[i]);
        if (*len > n && memcmp(*name, collections[i], n) == 0) {
            *name += n;
            *len -= n;
            return;
        }
    }
}

#define FIND(table, name, len)                                                                     \
    find(table, sizeof(table) / sizeof *(table), sizeof *(table), name, len)

// The user's own filters and tests go before ours of the same name, as in Ansible.
static const struct builtin *or_foreign(const struct builtin *own, bool test, const char *name,
                                        size_t len)
{
    const struct builtin *other = NULL;
    if (template_hooks.foreign && !(own && memchr(name, '.', len)))
        other = template_hooks.foreign(test, name, len, own != NULL);
    return other ? other : own;
}

const struct builtin *filter_find(const char *name, size_t len)
{
    const char *s = name;
    size_t n = len;
    drop_collection(&s, &n);
    return or_foreign(FIND(filters, s, n), false, name, len);
}

const struct builtin *test_find(const char *name, size_t len)
{
    const char *s = name;
    size_t n = len;
    drop_collection(&s, &n);
    return or_foreign(FIND(tests, s, n), true, name, len);
}

const struct builtin *filter_all(size_t *ret_n)
{
    *ret_n = sizeof filters / sizeof *filters;
    return filters;
}

const struct builtin *test_rows(size_t *ret_n)
{
    *ret_n = sizeof tests / sizeof *tests;
    return tests;
}

const struct builtin *global_find(const char *name, size_t len)
{
    return FIND(globals, name, len);
}

const struct lookup_row *lookup_find(const char *name, size_t len)
{
    drop_collection(&name, &len);
    return FIND(lookups, name, len);
}

const struct builtin *method_find(const struct value *self, const char *name, size_t len)
{
    switch ((enum value_type)self->type) {
    case VALUE_STRING:
        return self->flags & VALUE_BYTES ? FIND(bytes_methods, name, len)
                                         : FIND(str_methods, name, len);
    case VALUE_LIST:
        return FIND(list_methods, name, len);
    case VALUE_DICT:
        return FIND(dict_methods, name, len);
    case VALUE_INT:
    case VALUE_BOOL:
        return FIND(int_methods, name, len);
    case VALUE_FLOAT:
        return FIND(float_methods, name, len);
    case VALUE_NULL:
    case VALUE_UNDEFINED:
    case VALUE_OBJECT:
        return NULL;
    }
    return NULL;
}
