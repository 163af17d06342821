class FilterModule(object):
    def filters(self):
        return {'carried': lambda v: '<%s>' % v}
