import datetime

from ansible.errors import AnsibleFilterError
from jinja2 import pass_context


def shout(value, mark='!', times=1):
    return value.upper() + mark * times


def kinds(value):
    return {'tuple': (value, 'a'), 'time': datetime.datetime(2020, 1, 2, 3, 4, 5), 'delta': datetime.timedelta(hours=26),
            'bytes': b'\x00\xff', 'none': None, 'big': 2 ** 40, 'float': 0.1, 'keys': {1: 2}, 'text': u'ä'}


def refuse(value):
    raise AnsibleFilterError('not %s' % value)


@pass_context
def variable(context, name):
    return context.get(name, 'none of that name')


class FilterModule(object):
    def filters(self):
        return {
            'shout': shout,
            'words': lambda v, sep=' ': v.split(sep),
            'kinds': kinds,
            'type_name': lambda v: type(v).__name__.replace('AnsibleUnicode', 'str').replace('AnsibleUnsafeText', 'str')
            .replace('AnsibleMapping', 'dict').replace('AnsibleSequence', 'list'),
            'refuse': refuse,
            'variable': variable,
            'basename': lambda v: 'mine:' + v,
        }
