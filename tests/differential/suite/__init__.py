"""Runs the same content through ansible-playbook and andon and compares what each leaves behind."""
