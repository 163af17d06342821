f: host_vars wins
