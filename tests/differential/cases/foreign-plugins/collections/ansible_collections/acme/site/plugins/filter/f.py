class FilterModule(object):
    def filters(self):
        return {"wrap": lambda v: "[%s]" % v}
