// Every builtin function, by the file that holds it; table.c has the names.
#ifndef TEMPLATE_ROWS_H
#define TEMPLATE_ROWS_H

#include "template/args.h"

// filters_data.c
builtin_fn filter_to_json;
builtin_fn filter_to_nice_json;
builtin_fn filter_tojson;
builtin_fn filter_from_json;
builtin_fn filter_to_yaml;
builtin_fn filter_to_nice_yaml;
builtin_fn filter_from_yaml;
builtin_fn filter_from_yaml_all;
builtin_fn filter_pprint;

// filters_default.c
builtin_fn filter_default;
builtin_fn filter_bool;
builtin_fn filter_ternary;
builtin_fn filter_mandatory;
builtin_fn filter_type_debug;
builtin_fn filter_int;
builtin_fn filter_float;
builtin_fn filter_attr;
builtin_fn filter_safe;

// filters_dict.c
builtin_fn filter_combine;
builtin_fn filter_dict2items;
builtin_fn filter_items2dict;
builtin_fn filter_items;
builtin_fn filter_dictsort;
builtin_fn filter_flatten;
builtin_fn filter_subelements;
builtin_fn filter_extract;
builtin_fn filter_rekey_on_member;

// filters_hash.c
builtin_fn filter_b64encode;
builtin_fn filter_b64decode;
builtin_fn filter_hash;
builtin_fn filter_md5;
builtin_fn filter_sha1;
builtin_fn filter_to_uuid;
builtin_fn filter_password_hash;

// filters_html.c
builtin_fn filter_escape;
builtin_fn filter_forceescape;
builtin_fn filter_striptags;
builtin_fn filter_xmlattr;
builtin_fn filter_urlize;

// filters_ip.c
builtin_fn filter_ipaddr;
builtin_fn filter_ipv4;
builtin_fn filter_ipv6;
builtin_fn filter_ipwrap;
builtin_fn filter_nthhost;
builtin_fn filter_ipsubnet;
builtin_fn filter_hwaddr;
builtin_fn filter_network_in_network;
builtin_fn filter_ipmath;

// filters_list.c
builtin_fn filter_length;
builtin_fn filter_first;
builtin_fn filter_last;
builtin_fn filter_list;
builtin_fn filter_join;
builtin_fn filter_sort;
builtin_fn filter_min;
builtin_fn filter_max;
builtin_fn filter_sum;
builtin_fn filter_unique;
builtin_fn filter_groupby;
builtin_fn filter_batch;
builtin_fn filter_slice;

// filters_math.c
builtin_fn filter_abs;
builtin_fn filter_round;
builtin_fn filter_log;
builtin_fn filter_pow;
builtin_fn filter_root;
builtin_fn filter_filesizeformat;
builtin_fn filter_human_readable;
builtin_fn filter_human_to_bytes;

// filters_path.c
builtin_fn filter_basename;
builtin_fn filter_dirname;
builtin_fn filter_splitext;
builtin_fn filter_path_join;
builtin_fn filter_realpath;
builtin_fn filter_relpath;
builtin_fn filter_expanduser;
builtin_fn filter_expandvars;
builtin_fn filter_fileglob;
builtin_fn filter_win_basename;
builtin_fn filter_win_dirname;
builtin_fn filter_win_splitdrive;
builtin_fn filter_normpath;
builtin_fn filter_commonpath;

// filters_random.c
builtin_fn filter_random;
builtin_fn filter_shuffle;
builtin_fn filter_random_mac;

// filters_regex.c
builtin_fn filter_regex_replace;
builtin_fn filter_regex_findall;
builtin_fn filter_regex_search;
builtin_fn filter_regex_escape;

// filters_select.c
builtin_fn filter_map;
builtin_fn filter_select;
builtin_fn filter_reject;
builtin_fn filter_selectattr;
builtin_fn filter_rejectattr;

// filters_set.c
builtin_fn filter_intersect;
builtin_fn filter_difference;
builtin_fn filter_union;
builtin_fn filter_symmetric_difference;
builtin_fn filter_zip;
builtin_fn filter_zip_longest;
builtin_fn filter_product;
builtin_fn filter_permutations;
builtin_fn filter_combinations;

// filters_shell.c
builtin_fn filter_quote;
builtin_fn filter_comment;
builtin_fn filter_split;

// filters_text.c
builtin_fn filter_lower;
builtin_fn filter_upper;
builtin_fn filter_capitalize;
builtin_fn filter_title;
builtin_fn filter_string;
builtin_fn filter_trim;
builtin_fn filter_replace;
builtin_fn filter_indent;
builtin_fn filter_center;
builtin_fn filter_truncate;
builtin_fn filter_wordcount;
builtin_fn filter_format;
builtin_fn filter_reverse;

// filters_time.c
builtin_fn filter_to_datetime;
builtin_fn filter_strftime;

// filters_url.c
builtin_fn filter_urlsplit;
builtin_fn filter_urlencode;
builtin_fn filter_urldecode;

// filters_vault.c
builtin_fn filter_vault;
builtin_fn filter_unvault;

// globals.c
builtin_fn global_range;
builtin_fn global_now;
builtin_fn global_undef;
builtin_fn global_cycler;
builtin_fn global_joiner;
builtin_fn global_lipsum;

// jmespath.c
builtin_fn filter_json_query;

// lookups_data.c
lookup_fn lookup_csvfile;
lookup_fn lookup_ini;

// lookups_file.c
lookup_fn lookup_file;
lookup_fn lookup_unvault;
lookup_fn lookup_fileglob;
lookup_fn lookup_first_found;
lookup_fn lookup_template;

// lookups_list.c
lookup_fn lookup_items;
lookup_fn lookup_list_terms;
lookup_fn lookup_indexed_items;
lookup_fn lookup_dict;
lookup_fn lookup_nested;
lookup_fn lookup_together;
lookup_fn lookup_flattened;
lookup_fn lookup_random_choice;
lookup_fn lookup_subelements;
lookup_fn lookup_sequence;

// lookups_password.c
lookup_fn lookup_password;

// lookups_system.c
lookup_fn lookup_env;
lookup_fn lookup_pipe;
lookup_fn lookup_lines;
lookup_fn lookup_vars;
lookup_fn lookup_varnames;
lookup_fn lookup_inventory_hostnames;
lookup_fn lookup_config;
lookup_fn lookup_url;

// methods_bytes.c
builtin_fn bytes_method;
builtin_fn bytes_method_hex;

// methods_markup.c
builtin_fn markup_method;

// methods_case.c
builtin_fn str_method_lower;
builtin_fn str_method_upper;
builtin_fn str_method_title;
builtin_fn str_method_capitalize;
builtin_fn str_method_swapcase;
builtin_fn str_method_casefold;
builtin_fn str_method_isalpha;
builtin_fn str_method_isalnum;
builtin_fn str_method_isdecimal;
builtin_fn str_method_isdigit;
builtin_fn str_method_isnumeric;
builtin_fn str_method_isspace;
builtin_fn str_method_isascii;
builtin_fn str_method_isprintable;
builtin_fn str_method_isidentifier;
builtin_fn str_method_islower;
builtin_fn str_method_isupper;
builtin_fn str_method_istitle;

// methods_dict.c
builtin_fn dict_method_keys;
builtin_fn dict_method_values;
builtin_fn dict_method_items;
builtin_fn dict_method_get;
builtin_fn dict_method_has_key;
builtin_fn dict_method_update;
builtin_fn dict_method_pop;
builtin_fn dict_method_popitem;
builtin_fn dict_method_setdefault;
builtin_fn dict_method_copy;
builtin_fn dict_method_clear;
builtin_fn dict_method_fromkeys;
builtin_fn dict_method_setitem;
builtin_fn dict_method_len;
builtin_fn global_dict;

// methods_list.c
builtin_fn list_method_append;
builtin_fn list_method_extend;
builtin_fn list_method_insert;
builtin_fn list_method_pop;
builtin_fn list_method_remove;
builtin_fn list_method_index;
builtin_fn list_method_count;
builtin_fn list_method_sort;
builtin_fn list_method_reverse;
builtin_fn list_method_copy;
builtin_fn list_method_clear;
builtin_fn list_method_len;

// methods_num.c
builtin_fn int_method_bit_length;
builtin_fn int_method_bit_count;
builtin_fn int_method_conjugate;
builtin_fn int_method_as_integer_ratio;
builtin_fn float_method_is_integer;
builtin_fn float_method_conjugate;

// methods_str.c
builtin_fn str_method_split;
builtin_fn str_method_rsplit;
builtin_fn str_method_splitlines;
builtin_fn str_method_strip;
builtin_fn str_method_lstrip;
builtin_fn str_method_rstrip;
builtin_fn str_method_startswith;
builtin_fn str_method_endswith;
builtin_fn str_method_find;
builtin_fn str_method_rfind;
builtin_fn str_method_index;
builtin_fn str_method_rindex;
builtin_fn str_method_count;
builtin_fn str_method_replace;
builtin_fn str_method_join;
builtin_fn str_method_format;
builtin_fn str_method_format_map;
builtin_fn str_method_ljust;
builtin_fn str_method_rjust;
builtin_fn str_method_center;
builtin_fn str_method_zfill;
builtin_fn str_method_partition;
builtin_fn str_method_rpartition;
builtin_fn str_method_removeprefix;
builtin_fn str_method_removesuffix;
builtin_fn str_method_expandtabs;
builtin_fn str_method_translate;
builtin_fn str_method_encode;
builtin_fn str_method_decode;
builtin_fn str_method_len;

// tests_compare.c
builtin_fn test_eq;
builtin_fn test_ne;
builtin_fn test_lt;
builtin_fn test_le;
builtin_fn test_gt;
builtin_fn test_ge;
builtin_fn test_in;
builtin_fn test_contains;
builtin_fn test_divisibleby;
builtin_fn test_odd;
builtin_fn test_even;
builtin_fn test_subset;
builtin_fn test_superset;
builtin_fn test_any;
builtin_fn test_all;
builtin_fn test_truthy;
builtin_fn test_falsy;
builtin_fn test_nan;

// tests_file.c
builtin_fn test_directory;
builtin_fn test_file;
builtin_fn test_link;
builtin_fn test_exists;
builtin_fn test_link_exists;
builtin_fn test_abs;
builtin_fn test_same_file;
builtin_fn test_mount;
builtin_fn test_uri;
builtin_fn test_url;
builtin_fn test_urn;

// tests_result.c
builtin_fn test_failed;
builtin_fn test_succeeded;
builtin_fn test_unreachable;
builtin_fn test_reachable;
builtin_fn test_skipped;
builtin_fn test_changed;
builtin_fn test_started;
builtin_fn test_finished;
builtin_fn test_match;
builtin_fn test_search;
builtin_fn test_regex;

// tests_type.c
builtin_fn test_defined;
builtin_fn test_undefined;
builtin_fn test_none;
builtin_fn test_boolean;
builtin_fn test_true;
builtin_fn test_false;
builtin_fn test_integer;
builtin_fn test_float;
builtin_fn test_number;
builtin_fn test_string;
builtin_fn test_mapping;
builtin_fn test_sequence;
builtin_fn test_iterable;
builtin_fn test_callable;
builtin_fn test_escaped;
builtin_fn test_lower;
builtin_fn test_upper;
builtin_fn test_filter;
builtin_fn test_test;
builtin_fn test_vault_encrypted;
builtin_fn test_sameas;

// tests_version.c
builtin_fn test_version;

// wordwrap.c
builtin_fn filter_wordwrap;

#endif
