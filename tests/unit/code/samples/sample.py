"""Module doc."""
import os
X = 1
class A(B):
    """A doc."""
    y = 2
    def __init__(self, a):
        '''init doc'''
        self.a = a
    @property
    def p(self): return 1
@deco
async def f(x: int) -> int:
    r"""F doc."""
    return 1
