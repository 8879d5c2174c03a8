'use strict'
/** doc f */
function f(a) {}
/** doc g */
export const g = (a) => { return 1 };
/** doc K */
export default class K extends L { constructor() {} static s() {} get x() { return 1 } #p = 1; h = () => {} }
/** ex */
exports.x = function x(a) {};
module.exports = { a: function() {}, b() {}, c: () => 1 };
/** proto */
Foo.prototype.bar = function() {};
var o = { m() {}, n: function () {} };
res.send = function send(body) {};
(function(){ /** inner */ function q() {} }());
