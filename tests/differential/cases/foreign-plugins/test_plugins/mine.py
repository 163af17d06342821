class TestModule(object):
    def tests(self):
        return {'odd_one': lambda v: v % 2 == 1, 'divided': lambda v, by: v % by == 0, 'shouted': lambda v: v.isupper()}
